"""Open-loop load: every request leaves when the plan says, whether or not earlier answers came.

Latency counts from the intended send, so that a server (or a generator) that falls behind shows in
the figures of all requests that it kept waiting, not of the first alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # run by path: our folder is on the module path, the project is not
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from config.preflight import check

    check(Path(__file__).name)

import asyncio
import gc
import json
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from config.loading import ConfigError
from config.open_files import allow_open_files
from traffic.client import Client, RequestFailed, Target
from traffic.client import new_event_loop as new_event_loop
from traffic.options import BadArgument, Run, checked, parser
from traffic.progress import Progress
from traffic.records import Record as Record
from traffic.records import Summary, summarise, table
from traffic.workload import PlannedRequest

MOST_FILES = 65_536
"""Every request in flight holds a connection."""

INTERRUPTED = 130
"""Exit code of a run that Ctrl-C ended, as shells have it."""


async def generate(
    plan: Sequence[PlannedRequest],
    url: str | Sequence[str],
    *,
    timeout: float = 30.0,  # noqa: ASYNC109 - each request's, not this call's
    concurrent: int | None = None,
    request_id_prefix: str = "",
    headers: Mapping[str, str] | None = None,
    sizes: bool = False,
    spread: random.Random | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> list[Record]:
    """Sends the plan and waits for the last answer.

    Args:
        url: where to; of several, each request goes to one at random.
        timeout: seconds from the real send to the last byte; then it is a failure.
        concurrent: cap on requests in flight. One that finds it full waits, is marked as delayed
            and is still timed from its intended send.
        request_id_prefix: each request says ``X-Request-ID: <prefix><index>``.
        sizes: each request says how large it is: ``X-Work-Quantile``.
        spread: the dice that choose between several URLs; must be there with more than one.
        on_record: called as each request ends, in the order of ending. If ``generate`` is
            cancelled, what this was given is what was measured; nothing is left running.

    Returns:
        One record per request, in the order of the plan.

    Raises:
        OSError: the host has no address. A server that cannot be reached is not an error here: each
            of its requests is a record.
        ValueError: the URL or a header is not usable.
    """
    urls = [url] if isinstance(url, str) else list(url)
    if len(urls) != 1 and spread is None:
        raise ValueError("several URLs need the dice that choose between them")
    clients = [await Client.open(Target.parse(each), headers) for each in urls]
    bodies = {size: b"x" * size for size in {each.body_bytes for each in plan}}
    records: list[Record] = []
    places = asyncio.Semaphore(concurrent) if concurrent is not None else None
    start = time.perf_counter()

    async def send(index: int, request: PlannedRequest, client: Client, delayed: bool) -> None:
        request_id = f"{request_id_prefix}{index}"
        begun = time.perf_counter()
        status, endpoint, error = 0, "", ""
        first_byte_at: float | None = None
        try:
            async with asyncio.timeout(timeout):
                answer = await client.exchange(
                    request.method,
                    request.path,
                    bodies[request.body_bytes],
                    request_id,
                    fields=f"X-Work-Quantile: {request.quantile!r}\r\n" if sizes else "",
                )
            status, endpoint = answer.status, answer.endpoint
            first_byte_at, done_at = answer.first_byte_at, answer.done_at
        except RequestFailed as failed:
            error, first_byte_at, done_at = str(failed), failed.first_byte_at, time.perf_counter()
        except TimeoutError:
            error, done_at = "timeout", time.perf_counter()
        finally:
            if places is not None:
                places.release()
        due = start + request.offset
        record = Record(
            index=index,
            intended=request.offset,
            sent=begun - start,
            latency=done_at - due,
            first_byte=None if first_byte_at is None else first_byte_at - due,
            status=status,
            error=error,
            request_id=request_id,
            endpoint=endpoint,
            delayed=delayed,
        )
        records.append(record)
        if on_record is not None:
            on_record(record)

    try:
        async with asyncio.TaskGroup() as sending:
            place_found_at = start
            for index, request in enumerate(plan):
                due = start + request.offset
                await until(due)
                if places is not None:
                    full = places.locked()
                    await places.acquire()
                    if full:
                        place_found_at = time.perf_counter()
                chosen = 0 if spread is None else int(spread.random() * len(clients))
                sending.create_task(send(index, request, clients[chosen], due < place_found_at))
    finally:
        for client in clients:
            client.close()
    records.sort(key=lambda record: record.index)
    return records


async def until(due: float) -> None:
    """Returns when ``time.perf_counter`` has reached ``due``, and never before."""
    while True:
        # Once at least, so that a generator that is late still reads its answers; more often
        # because timers count in whole milliseconds and may be early.
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if due <= time.perf_counter():
            return


async def _reach(url: str) -> None:
    """Raises BadArgument if nobody accepts a connection there."""
    target = Target.parse(url)
    try:
        client = await Client.open(target)
        async with asyncio.timeout(5.0):
            connection = await client.connect()
    except (OSError, RequestFailed) as error:
        why = "timeout" if isinstance(error, TimeoutError) else getattr(error, "strerror", error)
        raise BadArgument(f"--url {url}: cannot connect: {why}; is the server running?") from None
    connection.abort()


async def _sent(run: Run, records: list[Record]) -> bool:
    """Sends the run's plan and collects its records; False if it was interrupted."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    progress = Progress(len(run.plan), quiet=run.quiet)

    def note(record: Record) -> None:
        records.append(record)
        progress.record(record)

    try:
        await _reach(run.url)
        await generate(
            run.plan,
            run.url,
            timeout=run.timeout,
            concurrent=run.concurrent,
            request_id_prefix=f"{run.seed}-",
            on_record=note,
        )
    except asyncio.CancelledError:
        return False
    finally:
        progress.close()
    return True


def _write(run: Run, summary: Summary, records: Sequence[Record], interrupted: bool) -> None:
    assert run.json is not None
    result = {
        "settings": run.settings(),
        "seed": run.seed,
        "interrupted": interrupted,
        "summary": asdict(summary),
        "requests": [asdict(record) for record in records],
    }
    with run.json.open("w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 with more failures than allowed; 2 on bad arguments; 130 after Ctrl-C."""
    options = parser().parse_args(argv)
    records: list[Record] = []
    try:
        run = checked(options)
        if run.arrivals == "trace" and options.rate is not None:
            print("generator.py: note: --rate is not used; the trace has its own", file=sys.stderr)
        allow_open_files(MOST_FILES)
        gc.collect()
        gc.freeze()  # a large plan would be looked through again and again, while requests wait
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            finished = runner.run(_sent(run, records))
    except (BadArgument, ConfigError) as error:
        print(f"generator.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before there was anything to keep
        return INTERRUPTED
    records.sort(key=lambda record: record.index)
    summary = summarise(records, len(run.plan))
    print(table(summary))
    for warning in summary.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    if run.json is not None:
        _write(run, summary, records, interrupted=not finished)
    if not finished:
        print("interrupted: these are the requests that had ended", file=sys.stderr)
        return INTERRUPTED
    if run.allowance.exceeded_by(summary.failed, summary.requests):
        allowed = options.max_failures
        print(f"{summary.failed} failures are more than --max-failures {allowed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
