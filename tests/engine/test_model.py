"""A few random runs against the model; ./dev model runs a thousand."""
import model
from case_table import case


@case("random runs against the model: files x orders x repetitions x people")
def test_model(cluster, build):
    with model.Scene(cluster, build) as scene:
        total = model.run(scene, [*range(1, 26), 80, 201])  # the last two for what silence means
    # each thing that a run is for took place
    for what in ("file posted", "file held", "file duplicate", "propose", "propose refused", "approve", "approve refused",
                 "reject", "own approval refused", "book", "night", "night matched", "night expired", "night deemed_accepted",
                 "held resubmission", "held sequence_jump", "held sequence_gap", "held partly_fulfilled",
                 "held group_differs", "part", "redemptions answered by groups", "ended overtaken",
                 "held correction", "held file_void", "audit verify"):
        assert total[what], model.told(total)
    return model.told(total)
