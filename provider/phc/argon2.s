// This file has no code. With it the compiler takes functions without a body, which are linked to by name.
