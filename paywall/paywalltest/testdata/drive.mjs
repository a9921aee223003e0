// Reads the vectors, hands each token twice to the verifier of docs/verify.md, and prints
// what becomes of it. Nothing that it might fetch is there.
import { readFileSync } from 'node:fs'
import { Verifier, Refused } from './verify.mjs'

globalThis.fetch = async () => { throw new Error('no network in this test') }
console.warn = () => {}

const v = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const verifier = new Verifier({ issuer: v.issuer, audience: v.audience, now: () => v.now })

async function verdictOf(token) {
  try {
    await verifier.verify(token)
    return 'accepted'
  } catch (err) {
    if (err instanceof Refused) return err.verdict
    throw err
  }
}

async function verdicts() {
  const all = {}
  for (const { name, token } of v.tokens) all[name] = await verdictOf(token)
  return all
}

async function refuses(what) {
  try {
    await what()
    return false
  } catch {
    return true
  }
}

const before = await verdictOf(v.tokens[0].token)
await verifier.useKeys(v.jwks)
await verifier.useFeed(v.revocations)
const first = await verdicts()
const emptyKeys = await refuses(() => verifier.useKeys({ keys: [] }))
const tokenAsFeed = await refuses(() => verifier.useFeed(v.tokens[0].token))
console.log(JSON.stringify({ before, first, second: await verdicts(), emptyKeys, tokenAsFeed }))
process.exit()
