"""Import of checkpoints as their authors published them.

`files` reads a file without running anything in it; each other module turns one method's
checkpoints into a `PublishedNetwork`, from which `Reconstructor.import_checkpoint` builds the
network. Nothing else knows the authors' names and layouts.
"""

from .network import PublishedNetwork as PublishedNetwork
