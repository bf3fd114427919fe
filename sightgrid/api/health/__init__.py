"""The cameras' health over HTTP: who sees and who does not, and where streams are, without their secrets."""
