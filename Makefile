# Zooter. `make help` lists what can be made; VARIANT=asan|tsan|clang builds beside the default in build/VARIANT.
VERSION  := $(shell cat VERSION)
CC       ?= cc
ifeq ($(origin CC),default)
CC       := cc
endif
VARIANT  ?= release
PREFIX   ?= /usr/local
DESTDIR  ?=

OUT      := build/$(VARIANT)
WERROR   ?= -Werror
WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings -Wformat=2 $(WERROR)
OPTIMISE := -O3 -fopenmp-simd -g
ifeq ($(VARIANT),asan)
OPTIMISE := -O1 -g -fopenmp-simd -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE := -fsanitize=address,undefined
endif
ifeq ($(VARIANT),tsan)
OPTIMISE := -O1 -g -fopenmp-simd -fno-omit-frame-pointer -fsanitize=thread
SANITIZE := -fsanitize=thread
endif

# libzooter needs only these rooms and libraries; the program needs them all.
LIB_ROOMS := base text compute model
LIB_PKGS  := jansson libcyaml libutf8proc
ALL_PKGS  := $(LIB_PKGS) sqlite3 libevent libevent_pthreads libcurl
CPPFLAGS += -Iinclude -Isrc -D_GNU_SOURCE -DZOO_VERSION='"$(VERSION)"'
CFLAGS   += -std=c17 $(OPTIMISE) -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(shell pkg-config --cflags $(ALL_PKGS))
LDLIBS_LIB := $(shell pkg-config --libs $(LIB_PKGS)) -lm -pthread
LDLIBS   := $(shell pkg-config --libs $(ALL_PKGS)) -lm -pthread

SRC      := $(sort $(wildcard src/*/*.c))
LIB_SRC  := $(sort $(foreach room,$(LIB_ROOMS),$(wildcard src/$(room)/*.c)))
OBJ      := $(SRC:%.c=$(OUT)/%.o)
LIB_OBJ  := $(LIB_SRC:%.c=$(OUT)/%.o)
CORE_OBJ := $(filter-out $(OUT)/src/cli/main.o,$(OBJ))
TEST_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
TEST_BIN := $(TEST_SRC:tests/%.c=$(OUT)/tests/%)

.PHONY: all test check sanitize tsan bench install uninstall clean help unit
all: $(OUT)/zooter $(OUT)/libzooter.a $(OUT)/libzooter.so $(OUT)/zooter.pc
ifeq ($(VARIANT),release)
all: build/zooter
build/zooter: $(OUT)/zooter
	ln -sf release/zooter $@
endif

$(OUT)/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/core.a: $(CORE_OBJ)
	@rm -f $@
	ar rcs $@ $^
$(OUT)/zooter: $(OUT)/src/cli/main.o $(OUT)/core.a
	$(CC) $(SANITIZE) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(OUT)/libzooter.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^
$(OUT)/libzooter.so: $(LIB_OBJ)
	$(CC) -shared $(SANITIZE) -Wl,-soname,libzooter.so.0 -Wl,--no-undefined $(LDFLAGS) $^ $(LDLIBS_LIB) -o $@
	ln -sf libzooter.so $(OUT)/libzooter.so.0

$(OUT)/zooter.pc: Makefile VERSION
	@mkdir -p $(@D)
	printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: zooter\nDescription: routes a query to the LLM that is its expert\nVersion: %s\nRequires.private: %s\nLibs: -L$${libdir} -lzooter\nLibs.private: -lm -pthread\nCflags: -I$${includedir}\n' '$(PREFIX)' '$(VERSION)' '$(LIB_PKGS)' > $@

# Unit tests: one program a file, tests/unit/ROOM/test_X.c for src/ROOM/X.c, with cmocka.
$(OUT)/tests/%: tests/%.c $(OUT)/core.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Itests -MMD -MP $< $(OUT)/core.a $(SANITIZE) $(LDFLAGS) $(LDLIBS) -lcmocka -o $@
unit: all $(TEST_BIN)
	@failed=0; for t in $(TEST_BIN); do "$$t" || failed=1; done; exit $$failed

-include $(OBJ:.o=.d) $(TEST_BIN:=.d)
