# The front door. `make run` and `make test` install what is missing, build, and go.
#
#   LIBTORCH=DIR           an unpacked LibTorch instead of the one that is installed by itself
#   CMAKE_PREFIX_PATH=DIR  where CMake looks first, LibTorch included
#   SPEC=FILE              what `make run` runs instead of the quickstart
#   PREFIX=DIR, DESTDIR=DIR  where `make install` puts it (/usr/local), and below what
SPEC ?= experiments/quickstart.yaml
PREFIX ?= /usr/local
ifneq ($(LIBTORCH),)
export LIBTORCH
endif
export CMAKE_PREFIX_PATH DESTDIR

.PHONY: run build test core asan bench install dist fmt lint check hooks clean help

run:  ## run the quickstart (or SPEC=...): installs, builds, trains, prints the tables
	@tools/build.sh release runner
	@build/runner $(SPEC)

build:  ## build everything, into build/
	@tools/build.sh release

test:  ## everything that CI runs
	@tools/test.sh

core:  ## build and test all that needs no LibTorch
	@tools/test.sh core

asan:  ## the torch-free tests and the loaders under AddressSanitizer and UBSan
	@tools/test.sh asan

bench:  ## this machine's figures for training, fusion, suggestion, tokenising
	@tools/build.sh release runner
	@build/runner bench

install:  ## into PREFIX (/usr/local): executable, completion, manual page, experiments, docs
	@tools/build.sh release runner runner_pages
	@cmake --install build --prefix "$(PREFIX)"

dist:  ## dist/runner-VERSION-linux-ARCH.tar.gz: runs wherever Debian 12 does, given a LibTorch
	@tools/dist.sh

fmt:  ## format the C++ sources in place
	@tools/format.sh

lint:  ## clang-tidy over the torch-free sources
	@tools/build.sh tidy

check:  ## before a commit: format, layering and the torch-free tests
	@tools/test.sh core

hooks:  ## run `make check` before every commit of this clone
	@printf '#!/bin/sh\nexec make check\n' > "$$(git rev-parse --git-path hooks)/pre-commit"
	@chmod +x "$$(git rev-parse --git-path hooks)/pre-commit"

clean:  ## remove the build folders (not runs/, not the installed LibTorch)
	rm -rf build build-*

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
