"""Routes of one node: router neighbours, discovery, many-to-one and source routes, link status.

Source: ZigBee specification (053474r20/r21) 3.6.3. Costs are those of the links heard; the
first request that arrives wins, which in an air without air time is the one over fewest hops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gbcs.errors import ParseError

from .core import Core, Counter, Timer
from .node_events import RouteRecord
from .node_types import Neighbor, NodeType, Route
from .nwk_frames import (
    ID,
    LINK,
    LINKS_ALL,
    LINKS_COUNT,
    MANY_TO_ONE,
    MANY_TO_ONE_MASK,
    ROUTE_REPLY,
    ROUTE_REQUEST,
    NwkCommand,
    NwkFrame,
    NwkType,
    command,
    read_ids,
)

if TYPE_CHECKING:
    from .nwk import Nwk

TO_ROUTERS = 0xFFFC
REQUEST_EUI = 0x20  # a route request names the destination's EUI-64
ACTIVE, DISCOVERING = 0, 1
GOOD_LQI = 200
MAX_LINKS = 20  # of one link status frame


def cost_of(lqi: int) -> int:
    """A link's cost, 1 to 7 (the specification leaves the mapping open)."""
    return 1 if lqi >= GOOD_LQI else min(7, 1 + (GOOD_LQI - lqi) // 30)


@dataclass(slots=True)
class NeighbourState:
    """A router that is heard directly."""

    eui64: int
    lqi: int
    heard_at: int
    out_cost: int = 0


@dataclass(slots=True)
class RouteState:
    """Where frames for a destination go."""

    hop: int
    many_to_one: bool = False
    record: bool = False  # a route record goes before the next frame


@dataclass(slots=True)
class Discovery:
    """A route request of this node and who waits for it."""

    waiting: list[Callable[[bool], None]]
    timer: Timer
    repeats: int = 0


class Routing:
    """One node's routing."""

    def __init__(self, core: Core, nwk: Nwk) -> None:
        self._core = core
        self._nwk = nwk
        self._neighbours: dict[int, NeighbourState] = {}
        self._routes: dict[int, RouteState] = {}
        self._discoveries: dict[int, Discovery] = {}
        self._requests: dict[tuple[int, int], int] = {}  # source and id: the hop it came from
        self._source_routes: dict[int, tuple[int, ...]] = {}
        self._request_id = 0
        self._concentrator: Timer | None = None
        self._status: Timer | None = None

    def stop(self) -> None:
        """Forget everything."""
        self._neighbours.clear()
        self._routes.clear()
        for discovery in self._discoveries.values():
            discovery.timer.cancel()
        self._discoveries.clear()
        self._requests.clear()
        self._source_routes.clear()
        for timer in (self._concentrator, self._status):
            if timer is not None:
                timer.cancel()
        self._concentrator = self._status = None

    def start(self) -> None:
        """The network is up: tell the neighbours from time to time."""
        if self._status is not None:
            self._status.cancel()
        if self._nwk.is_router and self._core.settings.link_status_us:
            wait = self._jitter(self._core.settings.link_status_us)
            self._status = self._core.after(wait, self._link_status)

    def _jitter(self, period: int) -> int:
        return period - self._core.random.randrange(period // 4 + 1)

    # --- neighbours

    def neighbours(self) -> list[int]:
        """Node ids of the routers around, the stale ones forgotten."""
        limit = self._core.now - self._core.settings.neighbour_age_us
        for node_id in [n for n, state in self._neighbours.items() if state.heard_at < limit]:
            self._remove(node_id)
        return list(self._neighbours)

    def rows(self) -> list[Neighbor]:
        """The neighbour table."""
        age = self._core.settings.link_status_us or 1
        return [
            Neighbor(
                node_id,
                state.eui64,
                state.lqi,
                cost_of(state.lqi),
                state.out_cost,
                min(255, 3 + (self._core.now - state.heard_at) // age),
            )
            for node_id, state in ((n, self._neighbours[n]) for n in self.neighbours())
        ]

    def routes(self) -> list[Route]:
        """The routing table."""
        found = [Route(destination, route.hop, ACTIVE) for destination, route in self._routes.items()]
        return found + [Route(destination, 0xFFFF, DISCOVERING) for destination in self._discoveries]

    def heard(self, node_id: int, eui64: int, lqi: int) -> None:
        """A frame came straight from a router."""
        state = self._neighbours.get(node_id)
        if state is None:
            self._core.count(Counter.NEIGHBOR_ADDED)
            for old in [n for n, s in self._neighbours.items() if s.eui64 == eui64]:
                self._remove(old)
            self._neighbours[node_id] = NeighbourState(eui64, lqi, self._core.now)
        else:
            state.eui64, state.lqi, state.heard_at = eui64, lqi, self._core.now

    def lost(self, node_id: int) -> None:
        """A router did not acknowledge: it is no neighbour, and no route leads over it."""
        if node_id in self._neighbours:
            self._remove(node_id)
        for destination in [d for d, route in self._routes.items() if route.hop == node_id]:
            del self._routes[destination]

    def forget(self, node_id: int) -> None:
        """A node has left."""
        self.lost(node_id)
        self._routes.pop(node_id, None)
        self._source_routes.pop(node_id, None)

    def forget_route(self, destination: int) -> None:
        """A node on the way said that it goes no further."""
        self._routes.pop(destination, None)

    def _remove(self, node_id: int) -> None:
        self._core.count(Counter.NEIGHBOR_REMOVED)
        del self._neighbours[node_id]

    def _link_status(self) -> None:
        network = self._nwk.network
        if network is None or not self._nwk.is_router:
            return
        links = sorted(self.neighbours())[:MAX_LINKS]
        body = bytes((LINKS_ALL | len(links),))
        for node_id in links:
            state = self._neighbours[node_id]
            body += LINK.pack(node_id, cost_of(state.lqi) | state.out_cost << 4)
        self._nwk.send_command(TO_ROUTERS, NwkCommand.LINK_STATUS, body, radius=1)
        self.start()

    def _link_status_heard(self, body: bytes, hop: int) -> None:
        if not body:
            raise ParseError("an empty link status", 0, "link status")
        state = self._neighbours.get(hop)
        for place in range(body[0] & LINKS_COUNT):
            node_id, cost = LINK.unpack(body, 1 + place * LINK.size)
            if node_id == self._nwk.me and state is not None:
                state.out_cost = cost & 7

    # --- where a frame goes

    def next_hop(self, frame: NwkFrame) -> int | None:
        """The node a unicast goes to next; None if a route has to be found."""
        network = self._nwk.network
        if network is None:
            return None
        destination = frame.destination
        children = self._nwk.children
        if children.of_id(destination) is not None or children.newcomer(destination) is not None:
            return destination
        if network.node_type not in (NodeType.COORDINATOR, NodeType.ROUTER):
            return network.parent_id
        if destination in self.neighbours():
            return destination
        route = self._routes.get(destination)
        if route is None:
            return None
        if route.record and frame.source == self._nwk.me:
            route.record = False
            self._nwk.send_command(destination, NwkCommand.ROUTE_RECORD, b"\x00", radius=30)
        return route.hop

    def set_source_route(self, destination: int, relays: tuple[int, ...]) -> None:
        """Frames of this node for a destination name their relays, nearest to it first."""
        self._source_routes[destination] = relays

    def by_source_route(self, frame: NwkFrame) -> tuple[NwkFrame, int | None]:
        """A frame of this node with its source route and first relay, if there is one."""
        relays = self._source_routes.get(frame.destination)
        if not relays or frame.kind is not NwkType.DATA:
            return frame, None
        return replace(frame, relays=relays, relay_index=len(relays) - 1), relays[-1]

    def relayed(self, frame: NwkFrame) -> tuple[NwkFrame, int]:
        """A source-routed frame and its next hop from here. Raises ParseError if it is not for this relay."""
        relays, index = frame.relays or (), frame.relay_index
        if index >= len(relays) or relays[index] != self._nwk.me:
            raise ParseError("not this relay's turn", 0, "source route")
        if index == 0:  # the last relay: straight to the destination
            return frame, frame.destination
        return replace(frame, relay_index=index - 1), relays[index - 1]

    def recorded(self, frame: NwkFrame) -> NwkFrame:
        """A route record with this node added."""
        body = frame.payload[1:]
        if not body:
            raise ParseError("an empty route record", 0, "route record")
        relays = read_ids(body, 1, body[0])
        return replace(frame, payload=_record((*relays, self._nwk.me)))

    # --- discovery

    def discover(self, destination: int, found: Callable[[bool], None]) -> None:
        """Find a route; `found` hears whether there is one."""
        running = self._discoveries.get(destination)
        if running is not None:
            running.waiting.append(found)
            return
        self._core.count(Counter.ROUTE_DISCOVERY_INITIATED)
        timer = self._core.after(self._core.settings.route_wait_us, lambda: self._not_found(destination))
        self._discoveries[destination] = Discovery([found], timer)
        self._request(destination)

    def _request(self, destination: int, options: int = 0) -> None:
        self._request_id = (self._request_id + 1) & 0xFF
        body = ROUTE_REQUEST.pack(options, self._request_id, destination, 0)
        self._nwk.send_command(TO_ROUTERS, NwkCommand.ROUTE_REQUEST, body, radius=30)

    def _not_found(self, destination: int) -> None:
        discovery = self._discoveries[destination]
        if discovery.repeats < 1:  # nwkcInitialRREQRetries is 3; the broadcast repeats itself too
            discovery.repeats += 1
            wait = self._core.settings.route_wait_us
            discovery.timer = self._core.after(wait, lambda: self._not_found(destination))
            self._request(destination)
            return
        del self._discoveries[destination]
        for found in discovery.waiting:
            found(False)

    def _found(self, destination: int, hop: int) -> None:
        self._routes[destination] = RouteState(hop)
        discovery = self._discoveries.pop(destination, None)
        if discovery is not None:
            discovery.timer.cancel()
            for found in discovery.waiting:
                found(True)

    def concentrate(self, on: bool, period: int) -> None:
        """Tell everybody the way to this node (many-to-one), now and each period of microseconds."""
        if self._concentrator is not None:
            self._concentrator.cancel()
            self._concentrator = None
        if on and self._nwk.is_router:
            self._request(TO_ROUTERS, MANY_TO_ONE)
            if period:
                self._concentrator = self._core.after(period, lambda: self.concentrate(True, period))

    def command(self, kind: NwkCommand, body: bytes, frame: NwkFrame, hop: int, lqi: int) -> bool:
        """A routing command arrived; False if it is of another kind. Raises ParseError."""
        if kind is NwkCommand.LINK_STATUS:
            self._link_status_heard(body, hop)
        elif kind is NwkCommand.ROUTE_REQUEST:
            self._request_heard(body, frame, hop, lqi)
        elif kind is NwkCommand.ROUTE_REPLY:
            self._reply_heard(body, hop)
        elif kind is NwkCommand.ROUTE_RECORD:
            if not body:
                raise ParseError("an empty route record", 0, "route record")
            relays = read_ids(body, 1, body[0])
            eui64 = frame.source_eui64 or self._core.state.nodes.get(frame.source)
            self._core.emit(RouteRecord(frame.source, eui64, lqi, -40, relays))
        else:
            return False
        return True

    def _request_heard(self, body: bytes, frame: NwkFrame, hop: int, lqi: int) -> None:
        options, request_id, destination, cost = ROUTE_REQUEST.unpack(body)
        if not self._nwk.is_router:
            return
        self._requests[frame.source, request_id] = hop
        if frame.source not in self.neighbours():
            many = bool(options & MANY_TO_ONE_MASK)
            self._routes[frame.source] = RouteState(hop, many, many and hop != frame.source)
        mine = destination == self._nwk.me or self._nwk.children.of_id(destination) is not None
        if mine and not options & MANY_TO_ONE_MASK:
            self._reply(request_id, frame.source, destination, 0, hop)
            return
        payload = ROUTE_REQUEST.pack(options, request_id, destination, min(255, cost + cost_of(lqi)))
        extra = body[ROUTE_REQUEST.size :]
        self._nwk.relay_request(frame, command(NwkCommand.ROUTE_REQUEST, payload + extra))

    def _reply(self, request_id: int, originator: int, responder: int, cost: int, hop: int) -> None:
        body = ROUTE_REPLY.pack(0, request_id, originator, responder, cost)
        frame = NwkFrame(
            NwkType.COMMAND,
            hop,
            self._nwk.me,
            30,
            self._nwk.next_sequence(),
            command(NwkCommand.ROUTE_REPLY, body),
            destination_eui64=self._core.state.nodes.get(hop),
            source_eui64=self._core.state.eui64,
        )
        self._nwk.unicast(frame, None, again=False)

    def _reply_heard(self, body: bytes, hop: int) -> None:
        _, request_id, originator, responder, cost = ROUTE_REPLY.unpack(body)
        if not self._nwk.is_router:
            return
        if originator == self._nwk.me:
            self._found(responder, hop)
            return
        back = self._requests.get((originator, request_id))
        if back is not None:
            self._routes[responder] = RouteState(hop)
            self._reply(request_id, originator, responder, min(255, cost + 1), back)


def _record(relays: tuple[int, ...]) -> bytes:
    body = bytes((len(relays),)) + b"".join(ID.pack(relay) for relay in relays)
    return command(NwkCommand.ROUTE_RECORD, body)
