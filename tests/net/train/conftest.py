"""What tests of training share."""

import pytest

from tests.net.train.pictures import training_folder
from vos.net.train.data import find


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A small folder of training data (tests/net/train/pictures.py)."""
    return find(training_folder(tmp_path_factory.mktemp("data")))
