"""Asking a server for a job and following it to its end, for tests that speak HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


def ask(client: httpx.Client, process: str, **inputs: Any) -> str:
    """Ask for a job; return its number."""
    answer = client.post(f"/processes/{process}/execution", json={"inputs": inputs})
    assert answer.status_code == 201, answer.text
    return answer.json()["jobID"]


def follow(client: httpx.Client, job_id: str, *, until: str = "") -> dict[str, Any]:
    """Follow a job to its end, or until it is at a stage; return it as it is then."""
    job: dict[str, Any] = {}
    with client.stream("GET", f"/jobs/{job_id}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                job = json.loads(line.removeprefix("data:"))
                if until and job["stage"] == until:
                    break
    return job


def do(client: httpx.Client, process: str, **inputs: Any) -> dict[str, Any]:
    """Ask for a job, and wait until it is done."""
    job = follow(client, ask(client, process, **inputs))
    assert job["status"] == "successful", job
    return job
