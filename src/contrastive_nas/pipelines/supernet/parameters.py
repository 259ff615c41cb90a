"""Parameters of the supernet stage."""

from pydantic import NonNegativeInt

from contrastive_nas.training.config import DataSettings
from contrastive_nas.training.supernet.config import SupernetTraining


class SupernetParameters(SupernetTraining):
    """How the supernet of the experiment's space is trained.

    Attributes:
        data: Images to train on. Those that are held out give accuracies; test images are not looked at.
        processes: Number of training processes, one a device. 0 takes all CUDA devices, or one process on the
            processor where there is none.
    """

    data: DataSettings = DataSettings(kind="digits", name="digits", workers=0)
    processes: NonNegativeInt = 0
