"""The verdict of `./dev soak`: a leak is found, and what is none is not."""
import soak


def made(*processes):
    """Samples of processes one after the other: (seconds, KiB at first, KiB a second, descriptors a second)."""
    samples, at = [], 0
    for pid, (seconds, kib, growth, descriptors) in enumerate(processes):
        samples += [soak.Sample(at + t, pid, int(kib + growth * t + t % 3), int(10 + descriptors * t))
                    for t in range(seconds)]
        at += seconds
    return samples


def verdict(samples):
    lines = []
    growing = soak.judge({"worker": samples}, lines.append)
    assert len(lines) == 2
    return growing, lines


def test_flat_is_flat():
    growing, lines = verdict(made((600, 9000, 0, 0)))
    assert growing == [] and all("flat" in line for line in lines)


def test_a_leak_of_memory_is_found():
    growing, lines = verdict(made((600, 9000, 10, 0)))
    assert growing == ["worker: KiB"] and "GROWS" in lines[0] and "▁" in lines[0] and "█" in lines[0]


def test_a_leak_of_descriptors_is_found():
    assert verdict(made((600, 9000, 0, 0.02)))[0] == ["worker: descriptors"]


def test_a_leak_is_found_in_processes_that_are_replaced():
    assert verdict(made(*[(60, 9000, 10, 0)] * 10))[0] == ["worker: KiB"]


def test_warming_up_and_starting_anew_are_no_leaks():
    # each process begins with little and fills its caches; another is larger for good
    warming = [s for n, (kib, seconds) in enumerate([(4000, 19), (9000, 300), (4000, 19), (12000, 300)])
               for s in (soak.Sample(n * 400 + t, n // 2, kib, 10) for t in range(seconds))]
    assert verdict(warming)[0] == []


def test_what_is_held_only_with_a_file_in_hand_is_no_leak():
    # busy more and more often
    samples = [soak.Sample(t, 1, 9000, 17 if t % 10 < t // 60 else 14) for t in range(540)]
    assert verdict(samples)[0] == []
