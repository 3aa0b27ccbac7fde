"""Fields and what fields are made of."""

from .field import Field as Field
from .field import FieldKind as FieldKind
