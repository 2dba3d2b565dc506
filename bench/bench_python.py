"""The workloads of the benchmark in Python: started by it, one line in for one measurement.

In:  the workload's name in bench.h, the number of threads, 1 to spread them over the processors, 1
     for a first run that looks at more, how many operations, how many timers wait meanwhile.
Out: failures (-1: there is no such thing here), nanoseconds, the workload's figure.

The figure is nanoseconds for one operation, but for waits and sizes; see bench.h.
"""
import concurrent.futures
import multiprocessing.dummy
import os
import queue
import sys
import threading
import time

WORKERS = 2
QUEUE_SIZE = 256
WORK_OUTSIDE, WORK_INSIDE, TEN_MICROSECONDS = 100, 700, 7000
BATCH, WORK_BATCH, FAN_TASKS, MAP_ITEMS = 1000, 100, 32, 1000000
FAR_AWAY = 3600.0
CANNOT = -1

# The last one first: the first one has the most of the system's own work.
PROCESSORS = sorted(os.sched_getaffinity(0), reverse=True)


class Request:
    def __init__(self, work, threads, spread, check, count, size):
        self.work = work
        self.threads, self.count, self.size = int(threads), int(count), int(size)
        self.spread, self.check = spread == "1", check == "1"


class Failed(Exception):
    pass


def expect(true):
    if not true:
        raise Failed


def pin(request, me):
    if request.threads > 1 or not request.spread:
        os.sched_setaffinity(0, {PROCESSORS[me % len(PROCESSORS) if request.spread else 0]})


def busy(steps):
    """As long as the same number of steps takes in C, by the clock: the work is not Python's."""
    end = time.perf_counter() + steps * 1.5e-9
    while time.perf_counter() < end:
        pass


# ---- uncontended: make the object, then a loop in one thread


def lock(request):
    l = threading.Lock()

    def body(me):
        for _ in range(request.count):
            l.acquire()
            l.release()

    return body


def lock_with(request):
    l = threading.Lock()

    def body(me):
        for _ in range(request.count):
            with l:
                pass

    return body


def rlock(request, held=0):
    l = threading.RLock()

    def body(me):
        for _ in range(held):
            l.acquire()
        for _ in range(request.count):
            l.acquire()
            l.release()

    return body


def rlock_nested(request):
    return rlock(request, 1)


def semaphore(request):
    s = threading.Semaphore(0)

    def body(me):
        for _ in range(request.count):
            s.release()
            s.acquire()

    return body


def event(request):
    e = threading.Event()

    def body(me):
        for _ in range(request.count):
            e.set()
            e.clear()

    return body


def event_is_set(request):
    e = threading.Event()

    def body(me):
        for _ in range(request.count):
            e.is_set()

    return body


# ---- contended


def contended(request, outside=0):
    l = threading.Lock()
    left = request.count
    taken = [0] * request.threads

    def body(me):
        nonlocal left
        mine, more = 0, True
        while more:
            with l:
                more = left > 0
                if more:
                    left -= 1
                    mine += 1
            if outside:
                busy(outside)
        taken[me] = mine

    body.after = lambda: expect(sum(taken) == request.count)
    return body


def contended_work(request):
    return contended(request, WORK_OUTSIDE)


def fair(request):
    l = threading.Lock()
    left = request.count
    taken = [0] * request.threads
    longest = [0] * request.threads
    total = [0] * request.threads
    waits = [0] * request.threads

    def body(me):
        nonlocal left
        more = True
        while more:
            begin = time.perf_counter_ns()
            l.acquire()
            waited = time.perf_counter_ns() - begin
            more = left > 0
            if more:
                left -= 1
                taken[me] += 1
            busy(WORK_INSIDE)
            l.release()
            longest[me] = max(longest[me], waited)
            total[me] += waited
            waits[me] += 1

    body.after = lambda: expect(sum(taken) == request.count)
    body.figure = lambda: max(longest) / (sum(total) / sum(waits))
    body.longest = lambda: max(longest)
    return body


def fair_longest(request):
    body = fair(request)
    body.figure = body.longest
    return body


# ---- hand-overs


def take_turn(request, turn, me):
    if request.check:
        expect(turn[0] == me)
        turn[0] = 1 - me


def pingpong(request, give_ping, take_ping, give_pong, take_pong):
    turn = [0]

    def body(me):
        for _ in range(request.count):
            if me == 0:
                take_turn(request, turn, me)
                give_ping()
                take_pong()
            else:
                take_ping()
                take_turn(request, turn, me)
                give_pong()

    return body


def semaphore_pingpong(request):
    s, t = threading.Semaphore(0), threading.Semaphore(0)
    return pingpong(request, s.release, s.acquire, t.release, t.acquire)


def semaphore_timed(request):
    s, t = threading.Semaphore(0), threading.Semaphore(0)
    return pingpong(
        request,
        s.release,
        lambda: expect(s.acquire(timeout=FAR_AWAY)),
        t.release,
        lambda: expect(t.acquire(timeout=FAR_AWAY)),
    )


def event_pingpong(request):
    e, f = threading.Event(), threading.Event()

    def taker(of):
        def take():
            of.wait()
            of.clear()

        return take

    return pingpong(request, e.set, taker(e), f.set, taker(f))


def queue_pingpong(request):
    q, r = queue.Queue(QUEUE_SIZE), queue.Queue(QUEUE_SIZE)
    return pingpong(request, lambda: q.put(1), q.get, lambda: r.put(1), r.get)


def condition_pingpong(request, timeout=None):
    c = threading.Condition(threading.Lock())
    turn = 0

    def body(me):
        nonlocal turn
        for _ in range(request.count):
            with c:
                while turn != me:
                    expect(c.wait(timeout))
                turn = 1 - me
                c.notify()

    return body


def condition_timed(request):
    return condition_pingpong(request, FAR_AWAY)


def notify(request):
    l = threading.Lock()
    go, full = threading.Condition(l), threading.Condition(l)
    left = arrived = stop = 0
    taken = [0] * request.threads

    def master():
        nonlocal left, stop
        while arrived < request.threads - 1:
            full.wait()
        for _ in range(request.count):
            left = 1
            go.notify()
            while left > 0:
                full.wait()
        stop = 1
        go.notify_all()

    def body(me):
        nonlocal left, arrived
        with l:
            if me == 0:
                master()
                return
            arrived += 1
            full.notify()
            while not stop:
                go.wait()
                if left > 0:
                    left -= 1
                    taken[me] += 1
                    full.notify()

    body.after = lambda: expect(sum(taken) == request.count)
    return body


def notify_all(request):
    l = threading.Lock()
    go, full = threading.Condition(l), threading.Condition(l)
    arrived = rounds = 0

    def master(i):
        nonlocal arrived, rounds
        while arrived < request.threads - 1:
            full.wait()
        arrived = 0
        rounds = i + 1
        go.notify_all()

    def body(me):
        nonlocal arrived
        with l:
            for i in range(request.count):
                if me == 0:
                    master(i)
                    continue
                arrived += 1
                if arrived == request.threads - 1:
                    full.notify()
                while rounds == i:
                    go.wait()
                expect(rounds == i + 1)

    return body


def barrier(request):
    b = threading.Barrier(request.threads)
    phases = [0] * request.threads

    def body(me):
        for i in range(request.count):
            if request.check:
                phases[me] = i
            b.wait()
            if request.check:
                expect(phases[(me + 1) % request.threads] >= i)

    return body


def items(request, q):
    producers = request.threads // 2 if request.threads % 2 == 0 else 1
    sums = [0] * request.threads

    def body(me):
        if me < producers:
            for i in range(me, request.count, producers):
                q.put(i + 1)
                sums[me] -= i + 1
        else:
            for _ in range(me - producers, request.count, request.threads - producers):
                sums[me] += q.get()

    body.after = lambda: expect(sum(sums) == 0)
    return body


def bounded_queue(request):
    return items(request, queue.Queue(QUEUE_SIZE))


def simple_queue(request):
    return items(request, queue.SimpleQueue())


# ---- threads, timers, pools


def nothing():
    pass


def thread(request):
    def body(me):
        for _ in range(request.count):
            t = threading.Thread(target=nothing)
            t.start()
            t.join()

    return body


waiting = []


def new_timer(seconds):
    t = threading.Timer(seconds, nothing)
    t.daemon = True
    t.start()
    return t


def timer(request):
    """A timer is a thread here; only as many as make sense."""
    if request.size > 1000:
        return None
    while len(waiting) < request.size:
        waiting.append(new_timer(FAR_AWAY))

    def body(me):
        for _ in range(request.count):
            new_timer(FAR_AWAY).cancel()

    return body


made = {}


def executor():
    if "executor" not in made:
        made["executor"] = concurrent.futures.ThreadPoolExecutor(WORKERS)
    return made["executor"]


def empty_task(x):
    return x


def long_task(x):
    busy(TEN_MICROSECONDS)
    return x


def batches(request, function, batch, count):
    def body(me):
        submit = executor().submit
        done = 0
        while done < count:
            n = min(batch, count - done)
            futures = [submit(function, i) for i in range(n)]
            for i, f in enumerate(futures):
                expect(f.result() == i)
            done += n

    return body


def task(request):
    return batches(request, empty_task, 1, request.count)


def task_batch(request):
    return batches(request, empty_task, BATCH, request.count)


def task_work(request):
    return batches(request, long_task, WORK_BATCH, request.count)


def fan(request):
    return batches(request, empty_task, FAN_TASKS, request.count * FAN_TASKS)


def nested(request):
    def body(me):
        submit = executor().submit
        for i in range(request.count):
            expect(submit(submit, empty_task, i).result().result() == i)

    return body


def pool_map(request):
    def body(me):
        if "pool" not in made:
            made["pool"] = multiprocessing.dummy.Pool(WORKERS)
        done = 0
        while done < request.count:
            n = min(MAP_ITEMS, request.count - done)
            expect(len(made["pool"].map(empty_task, range(n))) == n)
            done += n

    return body


# ---- sizes: what many of them add to the memory of the process


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def size_of(make, request):
    kept = [make() for _ in range(64)] + [None] * request.count
    before = resident()
    for i in range(request.count):
        kept[i] = make()
    return (resident() - before) / request.count


def done_task():
    f = executor().submit(empty_task, 1)
    f.result()
    return f


SIZES = {
    "SIZE_LOCK": threading.Lock,
    "SIZE_RLOCK": threading.RLock,
    "SIZE_SEMAPHORE": threading.Semaphore,
    "SIZE_EVENT": threading.Event,
    "SIZE_CONDITION": threading.Condition,
    "SIZE_BARRIER": lambda: threading.Barrier(2),
    "SIZE_QUEUE": lambda: queue.Queue(QUEUE_SIZE),
    "SIZE_SIMPLE_QUEUE": queue.SimpleQueue,
    "SIZE_FUTURE": done_task,
}

WORKS = {
    "LOCK": lock,
    "LOCK_WITH": lock_with,
    "RLOCK": rlock,
    "RLOCK_NESTED": rlock_nested,
    "SEMAPHORE": semaphore,
    "EVENT": event,
    "EVENT_IS_SET": event_is_set,
    "CONTENDED": contended,
    "CONTENDED_WORK": contended_work,
    "FAIR": fair,
    "FAIR_LONGEST": fair_longest,
    "SEMAPHORE_PINGPONG": semaphore_pingpong,
    "SEMAPHORE_TIMED": semaphore_timed,
    "EVENT_PINGPONG": event_pingpong,
    "CONDITION_PINGPONG": condition_pingpong,
    "CONDITION_TIMED": condition_timed,
    "QUEUE_PINGPONG": queue_pingpong,
    "NOTIFY": notify,
    "NOTIFY_ALL": notify_all,
    "BARRIER": barrier,
    "THREAD": thread,
    "TIMER": timer,
    "QUEUE": bounded_queue,
    "SIMPLE_QUEUE": simple_queue,
    "TASK": task,
    "TASK_BATCH": task_batch,
    "TASK_WORK": task_work,
    "FAN": fan,
    "NESTED": nested,
    "MAP": pool_map,
}


def measure(request):
    """Failures, nanoseconds and the figure."""
    body = WORKS[request.work](request)
    if body is None:
        return CANNOT, 0, 0
    begins, ends = [0] * request.threads, [0] * request.threads
    failures = []
    gate = threading.Barrier(request.threads + 1)

    def play(me):
        pin(request, me)
        gate.wait()
        begins[me] = time.perf_counter_ns()
        try:
            body(me)
        except Failed:
            failures.append(me)
        ends[me] = time.perf_counter_ns()

    team = [threading.Thread(target=play, args=(me,)) for me in range(request.threads)]
    for t in team:
        t.start()
    gate.wait()
    for t in team:
        t.join()
    ns = max(ends) - min(begins)
    try:
        getattr(body, "after", nothing)()
    except Failed:
        failures.append(-1)
    figure = body.figure() if hasattr(body, "figure") else ns / request.count
    return len(failures), ns, figure


def main():
    print(sys.version.split()[0], flush=True)
    for line in sys.stdin:
        request = Request(*line.split())
        if request.work in SIZES:
            answer = 0, 0, size_of(SIZES[request.work], request)
        elif request.work in WORKS:
            answer = measure(request)
        else:
            answer = CANNOT, 0, 0
        print(*answer, flush=True)
    os._exit(0)  # The timers that wait are not waited for.


main()
