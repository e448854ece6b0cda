"""Events: a flag that threads wait for, and that lets all of them go on at once."""

import time

import tasklab

params = tasklab.params(
    waiters=4,
    work=0.1,
    line=17,
    button=26,
    patience=20.0,
)
tasklab.actions("set", "clear", "finish")

go = tasklab.Event("go")
is_over = False

# When the flag went up and down, and who passed. The generation is even while the flag is down: it grows just before set()
# and just after clear(), so that who finds an even one finds the flag down, too.
generation = 0
freely = True  # Whether all could run freely after each set(): in step mode the user holds them back.
passes = []  # Who, the generation in which the wait began, and that in which it ended.


def waiter(number):
    while True:
        begun = generation
        go.wait()
        if is_over:
            break
        passes.append((number, begun, generation))
        tasklab.state(f"waiter-{number}", "running", on="its work")
        time.sleep(params.work)


def passed_in(wanted):
    """How many different waiters passed in this generation."""
    return len({number for number, _, ended in passes if ended == wanted})


def raise_flag():
    global generation, freely
    generation += 1
    returned = go.set()
    tasklab.value("set() gave", "nothing" if returned is None else str(returned))
    tasklab.gpio(params.line, 1)
    # The flag stays up until all have seen it; only a machine in trouble takes this long.
    end = time.monotonic() + 5
    while passed_in(generation) < params.waiters and time.monotonic() < end and not tasklab.is_stepped():
        time.sleep(0.002)
    freely = freely and not tasklab.is_stepped()
    tasklab.value("waiters that passed", passed_in(generation))
    print(f"set(): {passed_in(generation)} of {params.waiters} went on")


def lower_flag():
    global generation
    go.clear()
    generation += 1
    tasklab.gpio(params.line, 0)
    print("clear(): from now on they wait")


def attend():
    """Raises and lowers the flag as it is told. Gives what is_set() should have said each time, and what it said."""
    expected, said = [], []
    button = tasklab.button(params.button)
    deadline = time.monotonic() + params.patience
    while time.monotonic() < deadline:
        tasklab.state("main", "waiting", on="you")
        do, target = tasklab.action(deadline - time.monotonic()) or ("nothing", "")
        if (do, target) == button:
            do = "clear" if go.is_set() else "set"
        if do == "finish":
            break
        if do in ("set", "clear"):
            tasklab.state("main", "running", on=f"{do}()")
            if (do == "set") != go.is_set():
                raise_flag() if do == "set" else lower_flag()
            else:
                print(f"{do}(): the flag is {'up' if go.is_set() else 'down'} already, and nothing changes")
            expected.append("up" if do == "set" else "down")
            said.append("up" if go.is_set() else "down")
    return expected, said


def main():
    global is_over
    tasklab.started("main")
    threads = [tasklab.Thread(target=waiter, args=(number,), name=f"waiter-{number}") for number in range(1, params.waiters + 1)]
    for thread in threads:
        thread.start()
    expected, said = attend()
    is_over = True
    tasklab.step_mode(False)
    go.set()
    for thread in threads:
        thread.join()
    tasklab.gpio(params.line, 0)
    tasklab.finished("main")

    print(f"{len(passes)} passes")
    while_down = sum(begun % 2 == 0 and begun == ended for _, begun, ended in passes)
    tasklab.fact("blocked", "nobody passes while the flag is down: passes of a flag that was down all the time", 0, while_down)
    if generation and freely:
        tasklab.fact("all-wake", "one set() lets all waiters go on: waiters that passed, each time",
                     params.waiters, min(passed_in(up) for up in range(1, generation + 1, 2)))
    if said:
        tasklab.fact("is-set", "is_set() tells whether the flag is up, after each set() and clear()", expected, said)


if __name__ == "__main__":
    main()
