// A client of the Model Context Protocol, as the README of its SDK shows it. It reads its settings from the first line of
// standard input: the address of an MCP server, its redirect URI and, unless it registers itself, its client id. It prints the address to sign in at, reads
// the address that the browser came back to, calls a tool, and prints what that says.
import './crypto.mjs'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { createInterface } from 'node:readline/promises'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const print = (value) => process.stdout.write(JSON.stringify(value) + '\n')

const settings = await read()
let tokens, verifier, information = settings.client && { client_id: settings.client }
const authProvider = {
  redirectUrl: settings.redirect,
  clientMetadata: { client_name: 'Editor', redirect_uris: [settings.redirect] },
  clientMetadataUrl: settings.document,
  clientInformation: () => information,
  saveClientInformation: (saved) => { information = saved },
  tokens: () => tokens,
  saveTokens: (saved) => { tokens = saved },
  codeVerifier: () => verifier,
  saveCodeVerifier: (saved) => { verifier = saved },
  redirectToAuthorization: (address) => print({ address: address.href }),
}
const server = new URL(settings.server)
const client = new Client({ name: 'editor', version: '1.0.0' })
const transport = new StreamableHTTPClientTransport(server, { authProvider })
try {
  await client.connect(transport)
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error
  const back = new URL((await read()).address)
  await transport.finishAuth(back.searchParams.get('code'))
  await client.connect(new StreamableHTTPClientTransport(server, { authProvider }))
}
const { content } = await client.callTool({ name: 'whoami' })
const first = tokens.access_token
tokens = { ...tokens, access_token: 'expired' }
const later = await client.callTool({ name: 'whoami' })
print({ said: content[0].text, later: later.content[0].text, renewed: tokens.access_token !== first, scope: tokens.scope, client: information.client_id })
await client.close()
process.exit(0)
