"""Dask distributed: two worker processes, nothing durable. What runs at once is bounded by the workers' threads."""

from distributed import Client, LocalCluster
from timing import measure


def step(*_before: int) -> int:
    """Does nothing."""
    return 1


def in_a_row(client: Client, length: int) -> None:
    """One after the other."""
    last = client.submit(step, pure=False)
    for _ in range(length - 1):
        last = client.submit(step, last, pure=False)
    last.result()


def at_once(client: Client, number: int) -> None:
    """All handed out; the threads bound what runs."""
    client.gather([client.submit(step, pure=False) for _ in range(number)])


def main() -> None:
    """Measures it on two clusters of threads, ten and fifty."""
    clusters = {
        width: LocalCluster(n_workers=2, threads_per_worker=width // 2, dashboard_address=None) for width in (10, 50)
    }
    clients = {width: Client(cluster) for width, cluster in clusters.items()}
    measure(
        lambda length: in_a_row(clients[10], length),
        lambda number, width: at_once(clients[width], number),
    )
    for width, client in clients.items():
        client.close()
        clusters[width].close()


if __name__ == "__main__":
    main()
