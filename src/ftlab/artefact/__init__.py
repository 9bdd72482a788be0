"""The trained model as a folder: a plain Hugging Face folder, or PEFT's layout with the base named or beside it."""

from ftlab.artefact.loading import LoadedArtefact as LoadedArtefact
from ftlab.artefact.loading import load_artefact as load_artefact
from ftlab.artefact.saving import Base as Base
from ftlab.artefact.saving import Form as Form
from ftlab.artefact.saving import folder_size_mb as folder_size_mb
from ftlab.artefact.saving import is_adapter as is_adapter
from ftlab.artefact.saving import save_artefact as save_artefact
