// Import this first: Node 18, which Debian 12 has, keeps crypto to itself.
import { webcrypto } from 'node:crypto'

globalThis.crypto ??= webcrypto
