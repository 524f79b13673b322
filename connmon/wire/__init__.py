"""Protocol v1 as agents speak it: Structs, codec and golden files. Knows msgspec only, no Django."""
