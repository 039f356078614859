// Package history keeps an audit log: who changed which API key, usage plan, group, link
// or allowance, when, and what it was before and after.
//
// The services of packages apikey and usageplan, and a gate.Gate, tell a [Recorder] of
// each change that they have made. Their Config.History sets it. ration.Config.History
// sets it for all of them. Nothing is recorded by default.
//
// An [Entry] names its [Actor]. A front door puts the Actor into the context of a change
// by [WithActor]. Package apigateway does so with the access key ID of the signature.
//
// [NewLog] writes a line for each change to a slog.Logger. [New] writes entries into a
// [Store], and lists them. [NewMemory] makes a Store in memory. store/redis and the
// databases of store/sql have one that lasts. [Recorders] tells several.
//
// Security: an Entry holds no secret, no digest of one and no sealed secret. The hint of
// a secret is in it.
package history
