# SPDX-License-Identifier: GPL-2.0-only
#
# Front end for people. All output goes to build/. `make help` lists the targets.

CMD	?=
P	?=
T	?=
VM	?=
KBASE	?= 6.12
KDIR	?= /lib/modules/$(shell uname -r)/build
JOBS	?= $(shell nproc)
SOAK	?=
V	?= 0

# Refuse a misspelt variable. The names come from $(origin), not from MAKEOVERRIDES: a
# value may have spaces and '=' in it.
KNOWN	:= CMD P T VM KBASE KDIR JOBS SOAK V
GIVEN	:= $(foreach v,$(.VARIABLES),$(if $(findstring command,$(origin $v)),$v))
UNKNOWN	:= $(firstword $(filter-out $(KNOWN),$(GIVEN)))
ifneq ($(UNKNOWN),)
SORTED	= $(shell echo $(1) | tr 'a-z' 'A-Z' | grep -o . | sort | tr -d '\n')
LIKELY	:= $(firstword $(foreach k,$(KNOWN),$(if $(filter $(call SORTED,$(k)),$(call SORTED,$(UNKNOWN))),$(k))))
$(error unknown variable $(UNKNOWN)$(if $(LIKELY),; did you mean $(LIKELY)?,; known: $(KNOWN)))
endif

TREE	:= $(CURDIR)/build/linux$(if $(filter-out 6.12,$(KBASE)),-$(KBASE))
STACK	:= KBASE=$(KBASE) KTREE=$(TREE) patches/stack
KERNEL	:= KTREE=$(TREE) JOBS=$(JOBS) V=$(V) tests/kernel

# Pass these on as typed: a $ in them is for a shell.
$(foreach v,CMD $(GIVEN),$(eval override $v := $$(value $v)))
export CMD

##@ Everything, from nothing
demo: ## install what is missing, build, boot, run the show, write a report
	@tests/deps build guest model bench
	@tests/demo

test: ## all checks; the last line is "N passed, N failed, N skipped"
	@tests/run

bench: ## the comparisons of the specs: table, JSON, plot
	@tests/deps build guest model bench
	@tests/bench/run

##@ Work
kernel: tree ## build the fast kernel (the default); incremental
	@$(KERNEL) fast

debug-kernel: tree ## build the kernel with KASAN, lockdep, kmemleak, KUnit
	@$(KERNEL) debug

boot: kernel guest ## a shell in it (Ctrl-A X leaves); CMD='...' runs that and fails if it does
	@tests/boot fast $(VM)

debug-boot: debug-kernel guest ## the same with the debug kernel
	@tests/boot debug $(VM)

check: tree ## the gates of a reviewer's bot on the series; T=NAME for one of them
	@tests/deps check
	@tests/check $(T)

modules: ## build what can be a module against KDIR=/path/to/headers
	@tests/modules "$(KDIR)"

soak: kernel guest ## kevent under load for an hour, or SOAK=seconds: no splat, memory flat
	@tests/soak kevent $(SOAK)

soak-servers: kernel guest ## servers and their clients for half an hour, or SOAK=seconds
	@tests/soak servers $(SOAK)

##@ Patches
tree: ## kernel source with hooks applied and overlay linked, in build/linux
	@tests/deps build
	@$(STACK) tree

refresh: ## write edits of existing kernel files back to patches/; P=NAME says which patch
	@$(STACK) refresh $(P)

series: tree ## the mails for git send-email, in build/series
	@$(STACK) export build/series

bisect: tree ## build what each patch touches, patch by patch, with W=1
	@tests/bisect $(T)

##@ Other
deb: tree ## kernel image, headers, libc-dev and tools as Debian packages, in build/deb
	@tests/deps build deb
	@$(KERNEL) deb

guest: ## the guest's root, from Debian's programs
	@tests/deps guest
	@tests/mkroot

clean: ## remove the kernels' build folders and reports; keep the source tree
	@rm -rf build/fast build/debug build/bisect build/deb build/series build/report build/log
	@echo "clean: build/linux is kept; make distclean removes it too"

distclean: ## remove all of build/
	@rm -rf build

help: ## show this
	@awk 'BEGIN { FS = ":.*## " } \
	      /^##@/ { print "\n" substr($$0, 5) } \
	      /^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "VM='-m 4096 -c 4' goes to tests/vm; JOBS=N, V=1; see README.md"

%:
	@echo "make: no target $@; make help lists them" >&2; exit 2

Makefile: ;

.DEFAULT_GOAL := kernel
.PHONY: demo test bench kernel debug-kernel boot debug-boot check modules soak soak-servers \
	tree refresh series bisect deb guest clean distclean help
MAKEFLAGS += --no-print-directory --no-builtin-rules
