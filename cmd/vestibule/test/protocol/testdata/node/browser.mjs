// What surrounds the example of the README: its settings come in the first line of standard input,
// and lines of JSON go to and from the test, which is the browser.
import './crypto.mjs'
import { createInterface } from 'node:readline/promises'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
export const read = async () => JSON.parse((await lines.next()).value)
export const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')
export const { issuer, secret } = await read()
