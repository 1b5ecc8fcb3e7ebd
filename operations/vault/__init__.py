"""How an operation's bytes lie on disk: as they are, or encrypted."""

from operations.vault.vault import PlainVault, Vault

__all__ = ["PlainVault", "Vault"]
