// What surrounds an app of docs/javascript.md: it says where the app is, and reads its settings, both as a line of JSON.
import { createServer } from 'node:http'
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'

process.env.AUTH_SECRET = 'what the cookies of the app are sealed with'
const server = createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
export const origin = `http://127.0.0.1:${server.address().port}`
const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')
print({ origin })
const lines = createInterface({ input: process.stdin })
export const { issuer, secret } = JSON.parse((await once(lines, 'line'))[0])
lines.on('close', () => process.exit(0))

// store keeps sessions as the stores of express-session do.
const kept = new Map()
export const store = {
  get: (id, done) => done(null, kept.get(id)),
  set: (id, session, done) => { kept.set(id, session); done(null) },
  destroy: (id, done) => { kept.delete(id); done(null) },
}

export const serve = (app) => {
  server.on('request', app)
  print({ serving: true })
}
