import fs from "node:fs";
import { Counter, Gauge, type Registry } from "prom-client";

/**
 * The server process under the names that Prometheus clients share:
 * https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
 *
 * Not the library's own set: its event loop lag needs a timer that wakes this process a hundred times a second, and
 * whenever it wakes it may push a decode thread off its core. Here nothing happens between two looks.
 */
export class ProcessMetrics {
  readonly #cpu;
  readonly #resident;
  readonly #heap;
  readonly #openFiles;
  readonly #utilization;
  #loop = performance.eventLoopUtilization();

  constructor(register: Registry) {
    const registers = [register];
    const gauge = (name: string, help: string) => new Gauge({ name, help, registers });

    this.#cpu = new Counter({
      name: "process_cpu_seconds_total",
      help: "Processor time of the server process, user and system; the model has a process of its own",
      registers,
    });
    this.#resident = gauge("process_resident_memory_bytes", "Resident memory of the server process");
    this.#heap = gauge("nodejs_heap_size_used_bytes", "JavaScript heap in use");
    this.#openFiles = gauge("process_open_fds", "Open file descriptors");
    this.#utilization = gauge(
      "nodejs_eventloop_utilization",
      "Share of the time since the look before in which the event loop was busy",
    );
    gauge("process_start_time_seconds", "Start of the process, in Unix time").set(
      performance.timeOrigin / 1000,
    );
  }

  show(): void {
    const { user, system } = process.cpuUsage();
    this.#cpu.reset();
    this.#cpu.inc((user + system) / 1e6);
    const { rss, heapUsed } = process.memoryUsage();
    this.#resident.set(rss);
    this.#heap.set(heapUsed);
    const openFiles = countOpenFiles();
    if (openFiles !== null) this.#openFiles.set(openFiles);
    const loop = performance.eventLoopUtilization();
    this.#utilization.set(performance.eventLoopUtilization(loop, this.#loop).utilization);
    this.#loop = loop;
  }
}

/** null where the system does not tell. */
function countOpenFiles(): number | null {
  try {
    return fs.readdirSync("/proc/self/fd").length;
  } catch {
    return null;
  }
}
