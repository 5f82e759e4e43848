# Build, run, check and install image-label-server; `make help` lists the targets.
#   SANITIZE=1       address and undefined behaviour sanitizers (build/asan)
#   SANITIZE=thread  thread sanitizer (build/tsan)
#   CC=clang         another compiler (build/…-clang; `make warned CC=clang` builds nothing, in a third of the time)
#   V=1              shows the commands

VERSION := 1.0.0
SHELL := /bin/bash
CC := gcc
PREFIX := /usr/local
SANITIZE :=
MAKEFLAGS += --no-builtin-rules
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

variant := $(if $(filter thread,$(SANITIZE)),tsan,$(if $(SANITIZE),asan,release))
warned := $(filter warned,$(MAKECMDGOALS))
build := build/$(variant)$(if $(filter-out gcc,$(CC)),-$(notdir $(CC)))$(warned:%=-%)

comma := ,
sanitizers := $(if $(filter thread,$(SANITIZE)),-fsanitize=thread,$(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all))
packages := sqlite3 libcjson yajl libcrypto zlib libarchive libutf8proc
# Parts that need many shared libraries are modules beside the programs, loaded at first use (lib/base/module.h).
modules := image s3 mongodb
image_sources := $(filter-out lib/image/image.c lib/image/source.c lib/image/decoder.c,$(wildcard lib/image/*.c))
image_packages := vips libjpeg libheif libtiff-4
s3_sources := $(filter-out lib/blob/s3/sigv4.c,$(wildcard lib/blob/s3/*.c))
s3_packages := libcurl expat
mongodb_sources := $(wildcard lib/dataset/mongodb/*.c)
# libmongoc 2 has a package of another name; its headers are in the same place.
mongodb_packages := $(if $(shell pkg-config --exists mongoc2 && echo 2),mongoc2,libmongoc-1.0)
warnings := -Wall -Wextra -Wconversion -Wshadow -Werror
# Makes bugs harder to exploit; FORTIFY_SOURCE=3 where libc and compiler have it.
takes = $(shell $(CC) -O2 -Werror $(1) -include string.h -x c -c -o /dev/null /dev/null 2>/dev/null && echo yes)
fortify := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(if $(call takes,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3),3,2)
hardening := -fstack-protector-strong $(if $(SANITIZE),,$(fortify)) \
             $(foreach flag,-fstack-clash-protection -fcf-protection -mbranch-protection=standard,$(if $(call takes,$(flag)),$(flag)))
CFLAGS := -std=gnu11 -O2 -g -fno-omit-frame-pointer -fPIC -fvisibility=hidden -D_GNU_SOURCE -Ilib $(warnings) $(sanitizers) \
          $(hardening) -MMD -MP
external = $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $(packages)))
libs = -Wl,--as-needed -lfcgi $(shell pkg-config --libs $(packages)) -lcrypt -lpthread -lm
LDFLAGS := -Wl,-z,relro,-z,now $(sanitizers)

layers := unit contract http browser fault
quiet = $(if $(V),,@echo "  $(if $(filter %.o,$@),CC,LINK) $@";)
objects = $(patsubst %.c,$(build)/%.o,$(1))
library := $(build)/libimagelabel.a
library_objects := $(call objects,$(filter-out $(foreach m,$(modules),$($(m)_sources)),$(wildcard lib/*/*.c lib/*/*/*.c)))
module_files := $(modules:%=$(build)/lib/imagelabel-%.so)
programs := $(patsubst cgi/%.c,$(build)/bin/%,$(wildcard cgi/*.c))
unit_tests := $(patsubst tests/unit/%.c,$(build)/tests/unit/%,$(wildcard tests/unit/test_*.c))
contract_tests := $(patsubst tests/contract/%.c,$(build)/tests/contract/%,$(wildcard tests/contract/test_*.c))

# A module and a reader of archives that misbehave, for the test of their confinement.
planted_module := $(build)/tests/planted/lib/imagelabel-image.so
planted_unpack := $(build)/tests/planted/bin/unpack

# A disk that fails, and whose power is cut, for the fault tests.
faulty_disk := $(build)/tests/fault/disk
faulty_disk_objects := $(call objects,$(wildcard tests/fault/disk*.c))

# Preloaded, it lets a program's time of day jump.
jumping_clock := $(build)/tests/fault/clock.so

# Preloaded, it lets memory run out.
scarce_memory := $(build)/tests/fault/scarce_memory.so

# What browsers upload with, by npm as nginx/npm/package-lock.json pins it. Without it the pages send each file whole.
tus := build/npm/tus.min.js

.PHONY: all tests planted warned run check audit install uninstall deb bench bench-peers fuzz help clean deps lint soak tour $(layers:%=check-%)
.SECONDARY:
.DELETE_ON_ERROR:

all: $(programs) $(module_files) $(tus) ## build everything (needs the packages of scripts/install-deps)

tests: all $(unit_tests) $(contract_tests) $(faulty_disk) $(jumping_clock) $(scarce_memory) planted

$(library): $(library_objects)
	@rm -f $@ && ar qcs $@ $^

$(build)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(quiet)$(CC) $(CFLAGS) $(external) $(if $(warned),-fsyntax-only -MF $(@:.o=.d) -MT $@ $< && touch $@,-c -o $@ $<)

$(tus): nginx/npm/package.json nginx/npm/package-lock.json
	@mkdir -p $(@D) && cp $^ $(@D)
	$(if $(V),,@echo "  NPM $@";) (cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
		--prefer-offline --fetch-retries=1) >/dev/null && \
		install -m 644 $(@D)/node_modules/tus-js-client/dist/tus.min.js $@ || \
		echo "npm cannot get tus-js-client: until the next make, uploads in the browser are sent whole, not resumed" >&2

warned: $(call objects,$(wildcard lib/*/*.c lib/*/*/*.c cgi/*.c cgi/*/*.c)) ## only tell the compiler's warnings

$(build)/lib/base/version.o: CFLAGS += -DVERSION='"$(VERSION)"'

define module_rules
$(call objects,$($(1)_sources)): external += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $($(1)_packages)))
$(build)/lib/imagelabel-$(1).so: $(call objects,$($(1)_sources)) $(library)
	$$(quiet)$(CC) $(LDFLAGS) -shared -Wl,--exclude-libs,ALL -o $$@ $$^ $(libs) $(shell pkg-config --libs $($(1)_packages))
endef
$(foreach m,$(modules),$(eval $(call module_rules,$(m))))

planted: $(planted_module) $(planted_unpack)
$(planted_module): $(addprefix $(build)/,tests/planted/module.o tests/planted/deeds.o lib/image/source.o) $(library)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(LDFLAGS) -shared -Wl,--exclude-libs,ALL -o $@ $^
$(planted_unpack): $(addprefix $(build)/,cgi/unpack.o cgi/unpack/tell.o tests/planted/archive.o tests/planted/deeds.o) $(library)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(libs)

$(faulty_disk_objects): external += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags fuse3))
$(faulty_disk): $(faulty_disk_objects) $(library)
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs fuse3)

$(jumping_clock) $(scarce_memory): %.so: %.o
	$(quiet)$(CC) $(LDFLAGS) -shared -o $@ $^

# The only program that reads CSV.
$(build)/bin/import: libs += -lcsv
# The programs that confine themselves.
$(build)/bin/decode $(build)/bin/unpack $(planted_unpack): libs += -lseccomp
# What it stands before (cgi/decode/scarce.c) is also what the libraries find that its module loads.
$(build)/bin/decode: libs += $(foreach name,malloc calloc realloc aligned_alloc memalign posix_memalign pthread_create,-Wl$(comma)--export-dynamic-symbol=$(name))
# The only program that sends requests to others.
$(build)/bin/upload: libs += $(shell pkg-config --libs libcurl)

# A program is cgi/NAME.c and, if it is large, its parts in cgi/NAME/.
.SECONDEXPANSION:
$(build)/bin/%: $(build)/cgi/%.o $$(call objects,$$(wildcard cgi/$$*/*.c)) $(library)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(libs)

$(build)/tests/unit/%: $(build)/tests/unit/%.o $(library)
	$(quiet)$(CC) $(LDFLAGS) -o $@ $< $(library) -lcmocka $(libs)

# These tests draw the images they need.
image_tests := $(filter $(build)/tests/unit/test_image%,$(unit_tests))
$(image_tests:%=%.o): external += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags vips libtiff-4))
$(image_tests): libs += $(shell pkg-config --libs vips libtiff-4)

# This test replaces libc's clock, also for the module.
$(build)/tests/contract/test_blob_s3: LDFLAGS += -rdynamic

# Linked with the MongoDB backend itself, not its module, so that it uses the tests' clock.
contract_parts := $(addprefix $(build)/tests/contract/,fixture.o blob_fixture.o gateway.o saying.o moving.o) $(call objects,$(mongodb_sources))
$(build)/tests/contract/fixture.o: external += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $(mongodb_packages)))
$(build)/tests/contract/%: $(build)/tests/contract/%.o $(contract_parts) $(library)
	$(quiet)$(CC) $(LDFLAGS) $(addprefix -Wl$(comma)--wrap=,text_now work_now mongoc_client_pool_destroy) -o $@ $< \
		$(contract_parts) $(library) -lcmocka $(libs) $(shell pkg-config --libs $(mongodb_packages))

# Measure the MongoDB backend against bare libmongoc; linked like the contract tests, but with the real clock.
mongo_benches := $(addprefix $(build)/tests/bench/,mongo_rate mongo_bulk)
$(mongo_benches:%=%.o): external += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $(mongodb_packages)))
$(mongo_benches): %: %.o $(call objects,$(mongodb_sources)) $(library)
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(libs) $(shell pkg-config --libs $(mongodb_packages))

# And the SQLite backend against bare transactions.
$(build)/tests/bench/sqlite_bulk: %: %.o $(library)
	$(quiet)$(CC) $(LDFLAGS) -o $@ $^ $(libs)

# The fuzz targets, with a library of their own.
fuzz_programs := $(patsubst tests/fuzz/%.c,$(build)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
# Some are linked with a program's parts or with a module's, and have functions of their own in place of those that ask others.
fuzz = $(build)/tests/fuzz/fuzz_$(1)
fuzz_instead = $(patsubst %,-Wl$(comma)--wrap=%,$(1))
$(call fuzz,import): $(call objects,$(filter-out cgi/import/post.c,$(wildcard cgi/import/*.c)))
$(call fuzz,import): LDFLAGS += $(call fuzz_instead,request_read dataset_sample dataset_sample_by_path labels_import spelling_meant)
$(call fuzz,import): libs += -lcsv
$(call fuzz,headers): $(call objects,cgi/export/range.c)
$(call fuzz,image): $(call objects,$(image_sources))
$(call fuzz,image).o: external += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags vips))
$(call fuzz,image): libs += $(shell pkg-config --libs $(image_packages))
$(call fuzz,s3): $(call objects,$(s3_sources))
$(call fuzz,s3): LDFLAGS += $(call fuzz_instead,s3_engine_run nanosleep)
$(call fuzz,s3): libs += $(shell pkg-config --libs $(s3_packages))
$(call fuzz,documents): $(call objects,$(mongodb_sources))
$(call fuzz,documents).o: external += $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $(mongodb_packages)))
$(call fuzz,documents): LDFLAGS += $(call fuzz_instead,work_begin work_end work_find work_aggregate work_transaction work_now)
$(call fuzz,documents): libs += $(shell pkg-config --libs $(mongodb_packages))
$(call fuzz,manifests): $(call objects,cgi/admin/backup_manifest.c)
$(call fuzz,manifests): LDFLAGS += $(call fuzz_instead,blob_read blob_fetch)
$(call fuzz,unpacker): LDFLAGS += $(call fuzz_instead,worker_start worker_end worker_send worker_receive)
$(call fuzz,answers): $(call objects,$(filter-out cgi/upload/upload.c,$(wildcard cgi/upload/*.c)))
$(call fuzz,answers): LDFLAGS += $(call fuzz_instead,http_ask)
$(call fuzz,answers): libs += $(shell pkg-config --libs libcurl)
$(build)/tests/fuzz/%: $(build)/tests/fuzz/%.o $(library)
	$(quiet)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(library) $(libs)

.PHONY: fuzz-programs
fuzz-programs: $(fuzz_programs)

FUZZ_SECONDS := 30
fuzz: ## fuzz everything that parses input from outside, FUZZ_SECONDS=N in all
	@$(MAKE) --no-print-directory CC=clang SANITIZE=fuzz build=build/fuzz fuzz-programs \
		sanitizers='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
	@tests/fuzz/run build/fuzz/tests/fuzz $(FUZZ_SECONDS)

$(build)/tests/bench/%: $(build)/tests/bench/%.o
	$(quiet)$(CC) $(LDFLAGS) -o $@ $< $(libs)
$(build)/tests/bench/s3_put: libs += $(shell pkg-config --libs libcurl)

# Preloaded, it makes a disk slow.
$(build)/tests/bench/slow_disk.so: $(build)/tests/bench/slow_disk.o
	$(quiet)$(CC) $(LDFLAGS) -shared -o $@ $^

.PHONY: bench-programs
bench-programs: all $(addprefix $(build)/tests/bench/,bare s3_put sqlite_bulk slow_disk.so) $(mongo_benches)

bench: bench-programs ## measure speed and memory against this machine's own ceilings, as a table and JSON (TOPICS="…"; tests/bench/bench --help)
	@tests/bench/bench $(TOPICS)

bench-peers: all ## measure the same work by Label Studio (PyPI) and tusd (Go's module proxy) beside ours
	@scripts/install-deps --peers
	@tests/bench/bench --json build/bench-peers.json peers

deps: ## install the packages that are missing (Debian; sudo only if not root)
	@scripts/install-deps

run: deps ## serve a demo on http://127.0.0.1:44444/ (DATA=folder: your own images; LABELS=a,b; LABEL_FROM_FOLDER=1; PORT=N; TLS_PORT=N: for other machines, too); Ctrl-C ends it
	@$(MAKE) --no-print-directory -s all
	@data=$${DATA/#\~\//$$HOME/}; scripts/image-label-demo run $${data:+--data "$$data"} \
		$${LABELS:+--labels "$$LABELS"} $$([ "$${LABEL_FROM_FOLDER:-0}" = 0 ] || echo --label-from-folder) \
		$${PORT:+--port "$$PORT"} $${TLS_PORT:+--tls-port "$$TLS_PORT"}
	@exec scripts/image-label-server --config run/config.json --state run/state run

check: ## run all tests (REQUIRE=mongo,s3,browser,pypi,prometheus: these must not be skipped)
	@scripts/install-deps --test
	@tests/run

# check-unit check-contract check-http check-browser check-fault: run one layer of the tests (SANITIZE=1 or thread)
$(layers:%=check-%):
	@scripts/install-deps --test
	@tests/run $(@:check-%=%)

tour: all ## take a screenshot of each page into build/tour, and the README's into tests/browser/tour (needs the packages of the tests)
	@tests/browser/tour.py

audit: ## let others' scanners look for weaknesses: testssl, gixy, checksec, systemd-analyze, schemathesis, axe
	@scripts/install-deps --test
	@scripts/install-deps --audit
	@tests/run audit

fault_table := build/faults.jsonl
soak: ## run the tests that take long, or that download test data, and those of faults; their table is printed at the end
	@scripts/install-deps --test
	@mkdir -p build && rm -f $(fault_table)
	@FAULT_TABLE=$(CURDIR)/$(fault_table) tests/run fault soak; outcome=$$?; tests/fault/toll.py $(fault_table) || outcome=1; \
		echo "(into the README: tests/fault/toll.py $(fault_table) --into README.md)"; exit $$outcome

lint: ## check the scripts, the floors of lib/ and the texts made from the source, and what clang says
	@tests/run lint

# A command's page is its --help.
commands := $(wildcard scripts/image-label-*)
pages := $(commands:scripts/%=build/man/%.1)
build/man/%.1: scripts/% scripts/man.awk Makefile
	@mkdir -p $(@D)
	@$< --help | awk -v name=$* -v version=$(VERSION) -v purpose="$$(sed -n '2s/^# *//p' $<)" -f scripts/man.awk >$@

installed = "$(DESTDIR)$(PREFIX)"
# Puts files in the place of others each in one step: a server that runs may read them at any moment.
place = mkdir -p $(2)/.new && $(1) $(2)/.new && (cd $(2)/.new && find . -type d -exec mkdir -p ../{} \; -o -type f -exec mv -f {} ../{} \;) && rm -rf $(2)/.new
install: all $(pages) ## install under PREFIX (/usr/local), beneath DESTDIR if given
	install -d $(addprefix $(installed)/,bin lib/image-label-server share/image-label-server/nginx/html share/image-label-server/client \
		share/image-label-server/monitoring \
		share/bash-completion/completions share/doc/image-label-server)
	$(call place,install -m 644 nginx/nginx.conf.in nginx/endpoints.conf $(wildcard nginx/*.bash),$(installed)/share/image-label-server/nginx)
	$(call place,cp -R --no-preserve=mode$(comma)ownership nginx/html/.,$(installed)/share/image-label-server/nginx/html)
	$(call place,install -m 755 $(programs),$(installed)/lib/image-label-server)
	$(if $(module_files),$(call place,install -m 644 $(module_files),$(installed)/lib/image-label-server))
	$(call place,install -m 755 $(commands),$(installed)/bin)
	if [ -e $(tus) ]; then install -m 644 $(tus) $(installed)/share/image-label-server/nginx; fi
	install -m 644 scripts/client/*.bash $(installed)/share/image-label-server/client
	install -m 644 scripts/monitoring/* $(installed)/share/image-label-server/monitoring
	install -m 644 scripts/completion.bash $(installed)/share/bash-completion/completions/image-label-server
	for name in $(filter-out image-label-server,$(notdir $(commands))); do \
		ln -sf image-label-server $(installed)/share/bash-completion/completions/$$name; done
	install -Dm 644 -t $(installed)/share/man/man1 $(pages)
	install -m 644 README.md LICENSE $(installed)/share/doc/image-label-server
	install -Dm 644 scripts/README.md $(installed)/share/doc/image-label-server/scripts/README.md

uninstall: ## remove what install has installed, from the same PREFIX and DESTDIR
	rm -f $(foreach name,$(notdir $(commands)),$(addprefix $(installed)/,bin/$(name) share/man/man1/$(name).1 \
		share/bash-completion/completions/$(name)))
	rm -rf $(addprefix $(installed)/,lib/image-label-server share/image-label-server share/doc/image-label-server)

deb: $(tus) ## build a Debian package, for the Debian this runs on, into build/deb (needs scripts/install-deps --package)
	@scripts/debian/build $(VERSION) build/deb >build/deb.log 2>&1 || { tail -n 30 build/deb.log >&2; exit 1; }
	@ls build/deb/*.deb

clean: ## remove what was built
	rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(patsubst %.o,%.d,$(library_objects) $(foreach m,$(modules),$(call objects,$($(m)_sources)))) $(wildcard $(build)/cgi/*.d $(build)/cgi/*/*.d $(build)/tests/*/*.d)
