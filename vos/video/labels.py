"""The DAVIS palette under its older address."""

from vos.labels import PALETTE as PALETTE
