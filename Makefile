# Zooter's build. `make help` lists the targets; CONTRIBUTING.md explains them.
# VARIANT=asan|tsan|clang builds beside the default, in build/VARIANT; CFLAGS, CPPFLAGS and LDFLAGS are yours and come last.
# CROSS=aarch64-linux-gnu- is put before ar, ld and objcopy; CC is given whole (script/test-aarch64 does it).
VERSION    := $(shell cat VERSION)
SOVERSION  := $(firstword $(subst ., ,$(VERSION)))
ifeq ($(origin CC),default)
CC         := cc
endif
VARIANT    ?= release
CROSS      ?=
OUT        := build/$(VARIANT)
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
BINDIR     := $(PREFIX)/bin
INCDIR     := $(PREFIX)/include
MANDIR     := $(PREFIX)/share/man/man1
COMPDIR    := $(PREFIX)/share/bash-completion/completions
# Where the program looks, seen from BINDIR: ../lib/zooter.
MPIDIR     := $(PREFIX)/lib/zooter
DESTDIR    ?=
PYTHON     ?= $(if $(wildcard build/venv/bin/python),build/venv/bin/python,python3)

# libzooter is made of these rooms and libraries; the program of all of them.
LIB_ROOMS  := base text compute model
LIB_PKGS   := jansson libcyaml libutf8proc
ALL_PKGS   := $(LIB_PKGS) sqlite3 libevent libevent_pthreads libcurl libcrypto
ifeq ($(filter-out clean help uninstall,$(or $(MAKECMDGOALS),all)),)
else ifneq ($(shell pkg-config --exists $(ALL_PKGS) 2>/dev/null && echo found),found)
$(error pkg-config does not find all of: $(ALL_PKGS). On Debian, script/bootstrap build installs them)
endif

WERROR     ?= -Werror
# -Wno-pass-failed: that clang does not vectorise a loop marked `omp simd` is no fault of the loop.
WARNINGS   := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings -Wformat=2 -Wno-pass-failed $(WERROR)
OPTIMISE   := -O3 -fopenmp-simd -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
HARDEN     := -Wl,-z,relro,-z,now
ifeq ($(VARIANT),asan)
SANITIZE   := -fsanitize=address,undefined
OPTIMISE   := -O1 -fopenmp-simd -fno-omit-frame-pointer -fno-sanitize-recover=all $(SANITIZE)
endif
# Tiles of a product are one long unrolled body: with every access checked in place gcc takes minutes over them. Their accesses are checked
# by calls, and overflow in the portable tiles alone, which are the same source.
build/asan/src/compute/product_avx%.o: SLOW_TO_CHECK := -fno-sanitize=undefined --param asan-instrumentation-with-call-threshold=0
ifeq ($(VARIANT),tsan)
SANITIZE   := -fsanitize=thread
OPTIMISE   := -O1 -fopenmp-simd -fno-omit-frame-pointer $(SANITIZE)
endif
ifeq ($(VARIANT),fuzz)
SANITIZE   := -fsanitize=address,undefined
OPTIMISE   := -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=fuzzer-no-link $(SANITIZE)
endif
ALL_CPPFLAGS := -Iinclude -Isrc -include base/banned.h -D_GNU_SOURCE -DZOO_VERSION='"$(VERSION)"' $(CPPFLAGS)
# -ffile-prefix-map: the same bytes wherever the checkout lies.
ALL_CFLAGS := -std=c17 -g -fPIC -fvisibility=hidden -pthread -ffile-prefix-map=$(CURDIR)=. $(OPTIMISE) $(WARNINGS) \
              $(shell pkg-config --cflags $(ALL_PKGS)) $(CFLAGS)
ALL_LDFLAGS := $(SANITIZE) $(HARDEN) $(LDFLAGS)
LIB_LIBS   := $(shell pkg-config --libs $(LIB_PKGS)) -lm -pthread
ALL_LIBS   := $(shell pkg-config --libs $(ALL_PKGS)) -lm -pthread

# A store on PostgreSQL: compiled where libpq's header is there, and opened when it is first needed; nothing links it.
LIBPQ      := $(shell pkg-config --exists libpq 2>/dev/null && echo -DZOO_HAVE_LIBPQ $$(pkg-config --cflags libpq))
ALL_CPPFLAGS += $(LIBPQ)

# Training on several machines: what calls MPI is a shared object of its own, made where there is an mpicc (MPICC= builds without).
MPICC      ?= $(if $(CROSS),,$(shell command -v mpicc 2>/dev/null))
MPI_SRC    := src/train/ranks_mpi.c
MPI_SO     := $(if $(MPICC),$(OUT)/zooter-mpi.so)

SRC        := $(sort $(filter-out $(MPI_SRC),$(wildcard src/*/*.c)))
HEADERS    := $(sort $(wildcard src/*/*.h) include/zooter.h)
LIB_SRC    := $(sort $(foreach room,$(LIB_ROOMS),$(wildcard src/$(room)/*.c)))
OBJ        := $(SRC:%.c=$(OUT)/%.o)
LIB_OBJ    := $(LIB_SRC:%.c=$(OUT)/%.o)
CORE_OBJ   := $(filter-out $(OUT)/src/cli/main.o,$(OBJ))
TEST_SRC   := $(sort $(wildcard tests/unit/*/test_*.c))
TEST_BIN   := $(TEST_SRC:tests/%.c=$(OUT)/tests/%)
# What runs threads or a loop beside them.
TSAN_E2E   := $(filter-out %/test_train_encoder.py %/test_train_mpi.py,$(sort $(wildcard $(addprefix tests/e2e/test_,serve*.py route*.py train*.py collect*.py reward*.py eval*.py tag*.py))))
# Whole-text and whole-tensor functions of one thread are slow to watch and have nothing to race with.
TSAN_BIN   := $(filter-out $(addprefix $(OUT)/tests/unit/,text/% $(addprefix compute/test_,operators attention rows)),$(TEST_BIN))
# All but what MPI and its launcher do (what is ours of it, exchange and ranks, are unit tests), what times, and what runs the same code once more on other instruction sets or in child processes; nor processes that share a store, are
# killed or lose their server: the store's unit tests run all of it here, on both back ends.
ASAN_E2E   := $(filter-out $(addprefix tests/e2e/test_,train_mpi.py model_bench.py isa.py demo.py share.py postgres.py),$(sort $(wildcard tests/e2e/test_*.py)))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
SO         := libzooter.so.$(VERSION)

.DELETE_ON_ERROR:
.PHONY: all test check sanitize tsan bench install uninstall clean help unit unit-build docs fuzz test-reference aarch64

all: $(OUT)/zooter $(OUT)/libzooter.a $(OUT)/$(SO) $(MPI_SO)  ## the program (build/zooter) and libzooter, shared and static
ifeq ($(VARIANT),release)
all: build/zooter
build/zooter: $(OUT)/zooter
	@ln -sf release/zooter $@
endif

# A line a step; V=1 shows the commands, -s nothing.
ifneq ($(V),1)
Q := @
say = $(if $(findstring s,$(firstword -$(MAKEFLAGS))),@:,@echo '  $(1)')
endif

$(OUT)/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(call say,CC   $@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(SLOW_TO_CHECK) -MMD -MP -c $< -o $@

# Compiled again where libpq has come or gone.
$(patsubst %.c,$(OUT)/%.o,$(wildcard src/store/*postgres*.c)): $(OUT)/libpq
$(OUT)/libpq: FORCE
	@mkdir -p $(@D); echo '$(LIBPQ)' | cmp -s - $@ || echo '$(LIBPQ)' >$@
.PHONY: FORCE

# Everything but main(), for the program and for the tests.
$(OUT)/core.a: $(CORE_OBJ)
	@rm -f $@
	$(call say,AR   $@)
	$(Q)$(CROSS)ar rcs $@ $^
$(OUT)/zooter: $(OUT)/src/cli/main.o $(OUT)/core.a
	$(call say,LINK $@)
	$(Q)$(CC) $(ALL_LDFLAGS) $^ $(ALL_LIBS) -o $@

# The static library is one object whose inner names are local: it exports what the shared one exports.
$(OUT)/libzooter.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR   $@)
	$(Q)$(CROSS)ld -r $^ -o $(OUT)/libzooter.o && $(CROSS)objcopy --localize-hidden $(OUT)/libzooter.o && $(CROSS)ar rcs $@ $(OUT)/libzooter.o
$(OUT)/$(SO): $(LIB_OBJ)
	$(call say,LINK $@)
	$(Q)$(CC) -shared -Wl,-soname,libzooter.so.$(SOVERSION) $(if $(SANITIZE),,-Wl$(comma)--no-undefined) $(ALL_LDFLAGS) $^ $(LIB_LIBS) -o $@
	@ln -sf $(SO) $(OUT)/libzooter.so.$(SOVERSION) && ln -sf $(SO) $(OUT)/libzooter.so
comma := ,

$(MPI_SRC:%.c=$(OUT)/%.o): $(MPI_SRC) Makefile VERSION
	@mkdir -p $(@D)
	$(call say,CC   $@)
	$(Q)OMPI_CC='$(CC)' MPICH_CC='$(CC)' $(MPICC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(OUT)/zooter-mpi.so: $(MPI_SRC:%.c=$(OUT)/%.o) $(OUT)/src/base/err.o
	$(call say,LINK $@)
	$(Q)OMPI_CC='$(CC)' MPICH_CC='$(CC)' $(MPICC) -shared $(ALL_LDFLAGS) $^ -o $@

# ---- tests ----------------------------------------------------------------------------------------------------------
# One program a file, tests/unit/ROOM/test_X.c for src/ROOM/X.c, with cmocka. The runner counts them and pytest's together.
$(OUT)/tests/%: tests/%.c $(OUT)/core.a
	@mkdir -p $(@D)
	$(call say,LINK $@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -Itests -MMD -MP $< $(OUT)/core.a $(ALL_LDFLAGS) $(ALL_LIBS) -lcmocka -o $@
unit-build: all $(TEST_BIN)
RUN_TESTS = $(PYTHON) script/run-tests $(if $(STRICT),--strict) --report $(OUT)/tests.report --python $(PYTHON) --zooter $(OUT)/zooter

unit: unit-build  ## the unit tests alone; also with VARIANT=asan or tsan
	$(Q)$(RUN_TESTS) $(if $(filter release,$(VARIANT)),,--label $(VARIANT)) $(TEST_BIN)
test: unit-build  ## unit tests, end-to-end tests, the install, the examples, the README's commands; STRICT=1: no skips but those allowed
	$(Q)$(RUN_TESTS) $(if $(LABEL),--label $(LABEL)) $(TEST_BIN) tests/e2e tests/house
sanitize:  ## unit and end-to-end tests under AddressSanitizer and UBSan
	$(Q)$(MAKE) --no-print-directory VARIANT=asan sanitize-run
tsan:  ## unit tests and the threaded end-to-end tests under ThreadSanitizer
	$(Q)$(MAKE) --no-print-directory VARIANT=tsan tsan-run
.PHONY: sanitize-run tsan-run
sanitize-run: unit-build
	$(Q)$(RUN_TESTS) --label asan $(TEST_BIN) $(ASAN_E2E)
tsan-run: unit-build    # not the rewards of 5,935 queries: 90 s there for what smaller runs race through too
	$(Q)PYTEST_ADDOPTS="--deselect=tests/e2e/test_train.py::test_real_rewards $$PYTEST_ADDOPTS" $(RUN_TESTS) --label tsan $(TSAN_BIN) $(TSAN_E2E)
aarch64:  ## cross-build, unit tests and golden files under qemu's user-mode emulation
	$(Q)script/test-aarch64
test-reference: all  ## heavy cross-checks against Python libraries (tests/reference/requirements.txt)
	$(Q)script/test-reference

# Each fuzzer runs FUZZ_SECONDS from its seeds; what it finds more is kept in build/fuzz.
FUZZ_SECONDS ?= 10
fuzz:  ## build the fuzzers with clang's libFuzzer and run each FUZZ_SECONDS (10)
	$(Q)$(MAKE) --no-print-directory CC=clang VARIANT=fuzz fuzz-run
$(OUT)/fuzz_%: tests/fuzz/fuzz_%.c $(OUT)/core.a
	$(call say,LINK $@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fsanitize=fuzzer $< $(OUT)/core.a $(ALL_LDFLAGS) $(ALL_LIBS) -o $@
.PHONY: fuzz-run
fuzz-run: $(FUZZ_SRC:tests/fuzz/%.c=$(OUT)/%)
	$(Q)for f in $^; do n=$${f##*/fuzz_}; mkdir -p $(OUT)/found/$$n; echo "  FUZZ $$n"; \
	  $$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -artifact_prefix=$(OUT)/crash-$$n- -print_final_stats=1 \
	    $(OUT)/found/$$n $$(ls -d tests/fuzz/seeds/$$n 2>/dev/null) >$(OUT)/$$n.log 2>&1 || { tail -40 $(OUT)/$$n.log; exit 1; }; \
	  grep -E 'number_of_executed_units' $(OUT)/$$n.log; done

# ---- checks ---------------------------------------------------------------------------------------------------------
CHECKS := layers style headers symbols docs shell cppcheck clang
.PHONY: $(CHECKS:%=check-%)
check: $(CHECKS:%=check-%)  ## what the compiler does not see: layers, symbols, headers, docs, cppcheck, shellcheck, clang
check-layers check-style check-shell:
	$(Q)script/$@ && echo '  $@: ok'
check-headers:
	$(Q)script/check-headers '$(CC)' '$(ALL_CPPFLAGS) $(ALL_CFLAGS)' $(HEADERS) && echo '  $@: ok'
check-symbols: all
	$(Q)script/check-symbols $(OUT) && echo '  $@: ok'
check-docs: all
	$(Q)script/check-docs $(OUT)/zooter && echo '  $@: ok'
check-cppcheck:
	$(Q)mkdir -p build/cppcheck
	$(Q)cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  --suppressions-list=script/cppcheck-suppressions.txt --cppcheck-build-dir=build/cppcheck -j 2 -Iinclude -Isrc \
	  -D_GNU_SOURCE -DZOO_HAVE_LIBPQ -DZOO_VERSION='""' --library=script/cppcheck.cfg --template='{file}:{line}: {message} [{id}]' src include examples && echo '  $@: ok'
check-clang:
	$(Q)$(MAKE) --no-print-directory CC=clang VARIANT=clang all >build/clang.log 2>&1 || { cat build/clang.log; exit 1; }
	@echo '  $@: ok'

docs: all  ## docs/cli.md from the command tables
	$(Q)$(OUT)/zooter help --markdown > docs/cli.md

$(OUT)/bench/%: bench/%.c $(OUT)/core.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $< $(OUT)/core.a $(ALL_LDFLAGS) $(ALL_LIBS) -o $@
bench: all  ## every bench/*: one JSON object a line, ours against the peer's in the same run
	$(Q)for b in $(sort $(filter-out %.c %.md %.py %.txt %.json,$(wildcard bench/*))); do test ! -d $$b && test -x $$b || continue; echo "  BENCH $$b" >&2; $$b || exit 1; done

# ---- install --------------------------------------------------------------------------------------------------------
INSTALLED = $(BINDIR)/zooter $(INCDIR)/zooter.h $(LIBDIR)/libzooter.a $(LIBDIR)/$(SO) $(LIBDIR)/libzooter.so.$(SOVERSION) \
            $(LIBDIR)/libzooter.so $(LIBDIR)/pkgconfig/zooter.pc $(COMPDIR)/zooter $(MPIDIR)/zooter-mpi.so
install: all  ## into $(DESTDIR)$(PREFIX): program, library, header, zooter.pc, man pages, bash completion
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(INCDIR) $(LIBDIR)/pkgconfig $(MANDIR) $(COMPDIR))
	install -m 755 $(OUT)/zooter $(DESTDIR)$(BINDIR)/zooter
	install -m 644 include/zooter.h $(DESTDIR)$(INCDIR)/zooter.h
	install -m 644 $(OUT)/libzooter.a $(OUT)/$(SO) $(DESTDIR)$(LIBDIR)
	$(if $(MPI_SO),install -d $(DESTDIR)$(MPIDIR) && install -m 644 $(MPI_SO) $(DESTDIR)$(MPIDIR))
	ln -sf $(SO) $(DESTDIR)$(LIBDIR)/libzooter.so.$(SOVERSION)
	ln -sf $(SO) $(DESTDIR)$(LIBDIR)/libzooter.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS_PRIVATE@|$(shell pkg-config --static --libs $(LIB_PKGS)) -lm -pthread|' \
	  packaging/zooter.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/zooter.pc
	$(OUT)/zooter help --completion bash > $(DESTDIR)$(COMPDIR)/zooter
	$(OUT)/zooter help --man > $(DESTDIR)$(MANDIR)/zooter.1
	for c in $$($(OUT)/zooter help --names); do $(OUT)/zooter help --man $$c > $(DESTDIR)$(MANDIR)/zooter-$$c.1 || exit 1; done
uninstall:  ## removes exactly what install put there
	rm -f $(addprefix $(DESTDIR),$(INSTALLED)) $(DESTDIR)$(MANDIR)/zooter.1 $(DESTDIR)$(MANDIR)/zooter-*.1
	rmdir $(DESTDIR)$(MPIDIR) 2>/dev/null || true

clean:  ## all that was built; the Python environments in build/ stay
	rm -rf $(filter-out build/venv build/venv-reference,$(wildcard build/*))

help:  ## this list
	@echo 'usage: make [TARGET] [VARIANT=release|asan|tsan|clang] [CC=...] [PREFIX=...] [DESTDIR=...] [V=1]'; echo
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile
	@echo; echo "First time: script/bootstrap installs what is needed; script/demo and script/test do it all."

-include $(OBJ:.o=.d) $(TEST_BIN:=.d) $(MPI_SRC:%.c=$(OUT)/%.d)
