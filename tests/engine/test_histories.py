"""A few of the random histories; ./dev histories runs a thousand."""
import histories
from case_table import case


@case("random histories: files x orders x repetitions x people")
def test_histories(cluster, build):
    with histories.Scene(cluster, build) as scene:
        total = histories.run(scene, range(1, 26))
    # each thing that a history is for took place
    for what in ("file posted", "file held", "file duplicate", "propose", "propose refused", "approve", "approve refused",
                 "reject", "own approval refused", "book", "night", "night matched", "night expired", "night absent"):
        assert total[what], histories.told(total)
    return histories.told(total)
