"""The simulated org as a process, with its control plane."""

import json
import os
import urllib.request

from processes import answers, free_port, wait_until


class SimulatedOrg:
    def __init__(self, processes, program, scratch, seed):
        port = free_port()
        self.login_url = f"http://localhost:{port}"
        self.instance_url = f"http://127.0.0.1:{port}"
        self.hosts = f"localhost:{port},127.0.0.1:{port}"
        document = scratch / "org.json"
        document.write_text(json.dumps(seed))
        process = processes.start("salesforce-sim", [program, "--port", str(port), "--seed", document], dict(os.environ))

        def ready():
            if process.poll() is not None:
                raise RuntimeError("salesforce-sim ended at once; its log says why.")
            return answers(self.instance_url)

        wait_until("the org answers", ready, 60)

    def control(self, path, body=None, method="POST"):
        """Pulls a lever of the control plane, and returns what it answers."""
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(f"{self.instance_url}/__control/{path}", data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def records(self, sobject):
        return self.control(f"records/{sobject}", method="GET")["records"]
