"""Running a dataflow, in whichever thread calls."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bytewax._bytewax import cli_main
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig

EPOCH_S = 10.0  # Bytewax's own default; flows that keep their place themselves do not care


def run_flow(flow: Dataflow, recovery: Path | None = None, epoch_s: float = EPOCH_S) -> None:
    """Run the dataflow, with one worker, until all of its source's parts have ended.

    `recovery` is a folder made by `bytewax.recovery.init_db_dir`. What stopped the flow is raised as it was, with
    Bytewax's own account of where as a note.
    """
    config = None if recovery is None else RecoveryConfig(str(recovery))  # type: ignore[no-untyped-call]
    try:
        cli_main(  # type: ignore[no-untyped-call]
            flow, workers_per_process=1, epoch_interval=timedelta(seconds=epoch_s), recovery_config=config
        )
    except BytewaxRuntimeError as account:
        fault: BaseException = account
        while isinstance(fault, BytewaxRuntimeError) and fault.__cause__ is not None:
            fault = fault.__cause__
        if fault is not account:
            fault.add_note(f"in dataflow {flow.flow_id}: {account}")
        raise fault from fault.__cause__
