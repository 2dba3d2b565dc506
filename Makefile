# pythreading.h is one header: nothing needs building to use it. This file builds its demo, its
# tests and its benchmarks. Everything made goes to build/.

CC ?= cc
CXX ?= g++
CFLAGS ?= -O2 -g
LDFLAGS ?=
# Added for the examples, of which each brings the whole library: they are compiled quickly.
EXAMPLE_CFLAGS ?= -O0
# Added for the files of the tests, but not for the library: they are compiled quickly, too.
TEST_CFLAGS ?= -O0
# The system layer below the library: c11 (C11 threads), pthreads, win32, or dummy (no threads).
BACKEND ?= c11
# What runs the programs, where the machine cannot do so itself: wine64 for win32.
RUN ?=
# The language standard everything is compiled in.
STD ?= c11
# What compiles the library for the suite, with flags: "g++ -xc++ -std=c++11" makes it C++.
LIBRARY ?=
# The rooms whose tests are built, if not all: "lock queue" for tests/test_lock.c and test_queue.c.
ROOMS ?=
# Text that the "file/name" of a test, or the name of a benchmark, must contain to be run.
ONLY ?=
# The files whose words the demo counts.
ARGS ?= $(sort $(wildcard pythreading.h README.md tests/*.[ch] tests/*/*.[ch] bench/*.[ch]))
# Where the benchmark leaves its figures as CSV.
CSV ?=
# The published figures and plots of this kind of processor.
KIND = $(or $(shell sed -n 's/^vendor_id.*: *\(Authentic\|Genuine\)*//p' /proc/cpuinfo \
    2>/dev/null | sed 1q | tr A-Z a-z),$(shell uname -m))
PLOTS ?= bench/plots/$(KIND)
# The faults that make mutants puts in: which, how many, and into which room, "" being all.
SEED ?= 1
COUNT ?= 150
ROOM ?=
# How many simulated schedules make test-simulated runs each test in.
SEEDS ?= 100
# The coverage reader that fits the compiler: for clang, "llvm-cov gcov".
GCOV ?= gcov
# How many compilers, or how many checks, run at the same time.
JOBS ?= 2

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
WERROR =

ifeq ($(BACKEND),c11)
BACKEND_FLAGS =
else ifeq ($(BACKEND),pthreads)
BACKEND_FLAGS = -DPYTHREADING_PTHREADS
else ifeq ($(BACKEND),dummy)
BACKEND_FLAGS = -DPYTHREADING_DUMMY
else ifeq ($(BACKEND),win32)
BACKEND_FLAGS =
EXE = .exe
else
$(error BACKEND is c11, pthreads, win32 or dummy, not "$(BACKEND)")
endif

# -pthread is not needed with glibc 2.34, musl and later, and does no harm there.
COMPILE_FLAGS = $(WARNINGS) $(WERROR) -I. $(BACKEND_FLAGS) $(CFLAGS)
COMPILE = -std=$(STD) $(COMPILE_FLAGS)
LINK = $(CFLAGS) $(LDFLAGS) -pthread

# Every set of flags has a directory of its own, so that none uses the objects of another.
FLAGS := $(subst ','\'',$(CC) $(COMPILE) $(TEST_CFLAGS) $(LINK))
SUM := $(shell printf '%s' '$(FLAGS)' | cksum | cut -d ' ' -f 1)
BUILD := build/$(BACKEND)-$(notdir $(firstword $(CC)))-$(STD)-$(SUM)

SUITE_SOURCES := tests/main.c $(or $(ROOMS:%=tests/test_%.c),$(sort $(wildcard tests/test_*.c)))
SUITE_OBJECTS := $(SUITE_SOURCES:tests/%.c=$(BUILD)/%.o)
# The same tests are linked with the library as each compiler makes it.
BY := $(if $(LIBRARY),-$(shell printf '%s' '$(LIBRARY)' | cksum | cut -d ' ' -f 1))
OF := $(if $(ROOMS),-of-$(shell printf '%s' '$(ROOMS)' | cksum | cut -d ' ' -f 1))
SUITE := $(BUILD)/suite$(BY)$(OF)$(EXE)
# Programs and protocols under simulated schedules: see tests/simulate/simulate.h.
SCENARIO_SOURCES := $(sort $(wildcard tests/simulate/*.c))
SCENARIO_OBJECTS := $(SCENARIO_SOURCES:tests/%.c=$(BUILD)/%.o)
BENCH_SOURCES := $(sort $(wildcard bench/bench*.c))
BENCH_OBJECTS := $(BENCH_SOURCES:bench/%.c=$(BUILD)/bench/%.o)
# The libraries to measure beside, of those that bench/peers.sh knows: make bench-peers finds them.
PEERS ?=
PEER_OBJECTS := $(PEERS:%=$(BUILD)/bench/peer_%.o)
# No compiler may move a loop of one subject onto a better address than the same loop of another.
BENCH_FLAGS = -D_GNU_SOURCE -falign-functions=64 -falign-loops=64

# The sources of the tests are compiled side by side also when make was not told to.
PARALLEL_MAKE = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))

RUN_SUITE = $(SUITE)
ifeq ($(BACKEND),dummy)
# The examples are of threads that run side by side.
RUN_EXAMPLES = "sh tests/readme_examples.sh $(BUILD)/readme"
else ifeq ($(BACKEND),win32)
# A process costs more than a test under Wine.
RUN_SUITE = $(RUN) $(SUITE) --together 32
RUN_EXAMPLES = "RUN='$(RUN)' EXE=.exe sh tests/run_examples.sh $(BUILD)/examples"
else
RUN_EXAMPLES = "sh tests/run_examples.sh $(BUILD)/examples" \
    "sh tests/readme_examples.sh $(BUILD)/readme"
endif

WITH_FLAGS = CC='$(CC)' CFLAGS='$(COMPILE) $(EXAMPLE_CFLAGS)' LDFLAGS='$(LDFLAGS) -pthread'

CHECKS := $(shell sh tests/check_leg.sh --list)

.PHONY: help demo test bench bench-peers bench-run-peers bench-setup bench-peers-plot
.PHONY: test-simulated run-simulated coverage run-coverage mutants
.PHONY: quiet-bench quiet-history quiet-scale quiet-peers
.PHONY: bench-history bench-scale bench-scale-plot
.PHONY: lint api index check clean
.PHONY: build-suite build-demo build-stress build-scale build-scenarios $(CHECKS:%=check-%)
.DELETE_ON_ERROR:

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18
	@echo "check-NAME: one check alone, NAME one of"
	@echo " $(CHECKS)" | fmt -w 90 2>/dev/null || true
	@echo "variables: CC CFLAGS LDFLAGS BACKEND=c11|pthreads|win32|dummy STD ONLY ROOMS ARGS" \
	    "CSV BENCH_ROUNDS JOBS RUN LIBRARY SEEDS SEED COUNT ROOM GCOV"

demo: $(BUILD)/demo$(EXE) ## count words with a team of threads, in our files or ARGS="files"
	@$(RUN) $(BUILD)/demo$(EXE) $(ARGS)

test: ## run all tests (BACKEND=c11, pthreads, win32 or dummy), or those named like ONLY=text
	@$(PARALLEL_MAKE) build-suite
	@echo "$(CC) -std=$(STD) $(CFLAGS)"
ifeq ($(ONLY),)
	@$(WITH_FLAGS) sh tests/check_sum.sh $(BUILD)/log "$(RUN_SUITE)" $(RUN_EXAMPLES)
else
	@$(RUN_SUITE) '$(ONLY)'
endif

test-simulated: ## the same tests in SEEDS=100 simulated schedules each, from SEED=1 (ONLY=text)
	@$(PARALLEL_MAKE) CFLAGS='$(CFLAGS) -DPYTHREADING_SIMULATE' run-simulated

run-simulated: $(SUITE)
	@$(SUITE) --simulate $(SEEDS) --seed $(SEED) $(ONLY)

# For the checks: build one program and say where it is.
build-suite: $(SUITE)
	@echo $(SUITE)

build-demo build-stress build-scale build-scenarios: build-%: $(BUILD)/%$(EXE)
	@echo $(BUILD)/$*$(EXE)

# Processes that end by _exit write their counts as well: tests/main.c sees to that.
COVERAGE_FLAGS = -O0 -g --coverage -fprofile-update=atomic -DTEST_COVERAGE

coverage: ## the lines of pythreading.h that no test executes, by room (GCOV=gcov)
	@$(PARALLEL_MAKE) CFLAGS='$(COVERAGE_FLAGS)' LDFLAGS='-Wl,--wrap=_exit' \
	    run-coverage

run-coverage: $(SUITE)
	@GCOV='$(GCOV)' sh tests/coverage.sh $(BUILD) $(SUITE)

mutants: ## how many of COUNT=150 random faults the tests find; SEED=1 chooses, ROOM=name narrows
	@CC='$(CC)' BACKEND_FLAGS='$(BACKEND_FLAGS)' SEED='$(SEED)' COUNT='$(COUNT)' \
	    sh tests/mutants.sh $(ROOM)

# No line of a compiler comes before the figures.
bench: quiet-bench ## measure beside C11 threads and pthreads (ONLY=text CSV=file)
	@BENCH_CSV='$(CSV)' BENCH_ONLY='$(ONLY)' $(BUILD)/bench/bench
	@printf '\n%12s\n' ns
	@BENCH_ONLY='$(ONLY)' $(BUILD)/bench/simulated
	@BENCH_ONLY='$(ONLY)' $(BUILD)/bench/unsimulated

bench-history: quiet-history ## each workload after each other one, against a fresh process
	@BENCH_HISTORY=1 BENCH_ONLY='$(ONLY)' $(BUILD)/bench/bench

bench-scale: quiet-scale ## how costs grow with threads, locks, timers ... (ONLY=text CSV=file)
	@SCALE_CSV='$(CSV)' SCALE_ONLY='$(ONLY)' $(BUILD)/scale

# Not with ONLY: the plots are of all curves.
bench-scale-plot: quiet-scale ## the same, and renew its figures and plots in PLOTS=
	@sh bench/plot.sh check
	@SCALE_CSV=build/scale.csv $(BUILD)/scale
	@mkdir -p $(PLOTS)
	@cp build/scale.csv $(PLOTS)/scale.csv
	@sh bench/plot.sh draw $(PLOTS)

bench-peers: ## the same beside the libraries and Pythons that are installed (ONLY=text CSV=file)
	@$(MAKE) --no-print-directory bench-run-peers \
	    PEERS="$$(CC='$(CC)' CXX='$(CXX)' sh bench/peers.sh find | tr '\n' ' ')"

bench-run-peers: quiet-peers
	@BENCH_CSV='$(CSV)' BENCH_ONLY='$(ONLY)' \
	    BENCH_PYTHONS="$$(sh bench/peers.sh pythons | tr '\n' ' ')" $(BUILD)/bench/bench-peers
ifeq ($(ONLY),)
	@CC='$(CC)' CXX='$(CXX)' CSV='$(CSV)' sh bench/size.sh $(PEERS)
endif

bench-peers-plot: ## draw the figures of CSV=file as SVG into PLOTS=, with gnuplot
	@sh bench/plot_peers.sh '$(or $(CSV),$(PLOTS)/peers.csv)' $(PLOTS)

quiet-bench quiet-history quiet-scale quiet-peers: quiet-%:
	@$(PARALLEL_MAKE) -s PEERS='$(PEERS)' $(quiet_$*)
quiet_history := $(BUILD)/bench/bench
quiet_bench := $(quiet_history) $(BUILD)/bench/simulated $(BUILD)/bench/unsimulated
quiet_scale := $(BUILD)/scale
quiet_peers := $(BUILD)/bench/bench-peers

bench-setup: ## install the libraries for bench-peers, and gnuplot, by apt-get
	apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
	    $$(sh bench/peers.sh packages)

lint: ## form: layout, contents, lengths, where #if may stand
	@sh tests/lint.sh

api: ## the public declarations and their comments as one header, build/api.h
	@mkdir -p build
	@awk -f tests/api.awk pythreading.h >build/api.h
	@echo build/api.h

index: ## renew the index of public names on the first screen of pythreading.h
	@sh tests/index.sh

check: ## all a change must pass: compilers, standards, sanitizers, valgrind, machines, lint
	@sh tests/check_all.sh $(JOBS) $(CHECKS)

$(CHECKS:%=check-%): check-%:
	@sh tests/check_leg.sh $*

clean: ## remove build/
	rm -rf build

$(SUITE): $(SUITE_OBJECTS) $(BUILD)/library$(BY).o
	$(CC) $^ $(LINK) -o $@

$(SUITE_OBJECTS): $(BUILD)/%.o: tests/%.c tests/test.h tests/on_posix.h tests/on_windows.h \
    pythreading.h Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(TEST_CFLAGS) -c $< -o $@

$(BUILD)/library$(BY).o: tests/library.c pythreading.h Makefile
	@mkdir -p $(@D)
	$(or $(LIBRARY),$(CC) -std=$(STD)) $(COMPILE_FLAGS) -c $< -o $@

$(BUILD)/scenarios$(EXE): $(BUILD)/main.o $(BUILD)/library$(BY).o $(SCENARIO_OBJECTS)
	$(CC) $^ $(LINK) -o $@

$(SCENARIO_OBJECTS): $(BUILD)/simulate/%.o: tests/simulate/%.c tests/simulate/simulate.h \
    tests/test.h pythreading.h Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) -Itests -c $< -o $@

$(BUILD)/demo$(EXE) $(BUILD)/stress$(EXE): $(BUILD)/%$(EXE): tests/%.c pythreading.h Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $< $(LINK) -o $@

$(BENCH_OBJECTS): $(BUILD)/bench/%.o: bench/%.c $(wildcard bench/*.h) pythreading.h Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(BENCH_FLAGS) -c $< -o $@

$(BUILD)/bench/bench: $(BENCH_OBJECTS)
	$(CC) $(BENCH_OBJECTS) $(LINK) -o $@

$(BUILD)/bench/simulated: SIMULATED = -DPYTHREADING_SIMULATE
$(BUILD)/bench/simulated $(BUILD)/bench/unsimulated: bench/simulate.c pythreading.h Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(SIMULATED) $< $(LINK) -o $@

$(BUILD)/scale: bench/scale.c pythreading.h Makefile
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $< $(LINK) -lm -o $@

$(BUILD)/bench/peer_%.o: bench/peer_%.c $(wildcard bench/*.h) Makefile bench/peers.sh
	@mkdir -p $(@D)
	$(CC) $(COMPILE) $(BENCH_FLAGS) $$(sh bench/peers.sh cflags $*) -c $< -o $@

$(BUILD)/bench/peer_%.o: bench/peer_%.cpp $(wildcard bench/*.h) Makefile bench/peers.sh
	@mkdir -p $(@D)
	$(CXX) -std=c++20 $(WARNINGS) $(WERROR) -I. $(CFLAGS) $(BENCH_FLAGS) \
	    $$(sh bench/peers.sh cflags $*) -c $< -o $@

# The peers change from run to run, and with them what is linked.
.PHONY: link-peers
$(BUILD)/bench/bench-peers: $(BENCH_OBJECTS) $(PEER_OBJECTS) link-peers
	$(if $(filter absl std tbb%,$(PEERS)),$(CXX),$(CC)) $(BENCH_OBJECTS) $(PEER_OBJECTS) $(LINK) \
	    $$(sh bench/peers.sh libs $(PEERS)) -o $@
