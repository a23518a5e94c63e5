"""Private keys lie outside of results, so that results can be given away as they are."""

import itertools
import shutil
from pathlib import Path

from meshbench.config import paths
from meshbench.util.files import private_folder


def rescue(campaign: str) -> str:
    """Move keys that lie in a campaign's results to where keys belong; what to tell of it, if anything.

    Where keys are already, those that come in addition are kept beside them.
    """
    exposed = paths.RESULTS / campaign / "secrets"
    if not exposed.is_dir():
        return ""
    target = _free(paths.secrets(campaign))
    private_folder(target.parent)
    shutil.move(exposed, target)
    target.chmod(0o700)
    return f"private keys were in {exposed}: moved to {target}, never to be published\n"


def _free(folder: Path) -> Path:
    """The folder's name, or one that no campaign can have."""
    others = (folder.with_name(f"{folder.name}~{number}") for number in itertools.count(1))
    return next(path for path in itertools.chain([folder], others) if not path.exists())
