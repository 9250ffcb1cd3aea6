rm -f v1.db*
/tmp/zooter-old import --store v1.db rows.jsonl
/tmp/zooter-old sim --port 18999 --experts 1 >/dev/null 2>&1 & S=$!
sleep 1
/tmp/zooter-old collect --store v1.db --config c.yaml
kill $S
for w in rows responses rewards; do /tmp/zooter-old export --store v1.db --what $w $( [ $w = rows ] && echo --reward-model default) > v1.$w; done
sqlite3 v1.db "pragma journal_mode=delete; vacuum;"
