"""The network: adapters that turn one `CallRequest` into a stream of events, or one failure.

Here: the contract (`base`, start there), the adapter for OpenAI-compatible servers
(`openai_compatible`, which walks through `http` and `connection`, `sse`, `chunks`, `answers` and
`tool_calls`, watched by `deadlines`), the table of what goes wrong (`failures`), whether to try
again (`retries`, pure), which models to leave alone for a while (`cooling`), a provider that
follows a script (`scripted`) and who serves an endpoint (`registry`).

Not here: tables, money and the decision to retry or to fall back. Every attempt needs a reservation
of its own, so the gateway decides.
"""
