//! The life of each node: switched on, restarted, without power, gone.
//!
//! ```text
//!          comes              power fails
//!   Off ----------------> On --------------> Off (power returns after a while)
//!                         | leaves, or its battery is empty
//!                         v
//!                        Gone
//! ```
use super::node::{self, NodeSetup};
use super::world::SimEvent;
use crate::faults::Injected;
use crate::faults::membership::presences;
use crate::faults::outages::{next_event, seconds};
use crate::faults::power::Moment;
use crate::kernel::{Kernel, Rng, TaskId};
use crate::radio::battery::Charge;
use crate::radio::energy::run_mj;
use crate::radio::{Battery, NodeIndex};
use crate::scenario::{BatteryEnd, FaultsConfig};
use chirrup_protocol::time::{Duration, Instant};
use std::cell::RefCell;
use std::rc::Rc;

/// How often a battery is looked at.
const BATTERY_INTERVAL: Duration = Duration::from_secs(3_600);

/// Something that happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    /// It restarts; the frame on the air goes on.
    Reboot,
    /// Its supply gives way, now or at the next moment of some sort.
    SupplyWeakens,
    /// It is without power from now on.
    PowerFails,
    /// It has power, perhaps for the first time.
    PowerReturns,
    /// Its clock is set.
    ClockJumps,
    /// It leaves for ever.
    Leaves,
    /// Its battery is looked at.
    BatteryRead,
}

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Off,
    On(TaskId),
    Gone,
}

struct Life {
    setup: NodeSetup,
    power: Power,
    charge: Charge,
    reboots: Rng,
    cuts: Rng,
    moments: Rng,
    lengths: Rng,
    jumps: Rng,
}

/// All nodes of a run.
pub struct Nodes {
    lives: Vec<Life>,
    faults: FaultsConfig,
    injected: Rc<RefCell<Injected>>,
}

impl Nodes {
    /// Nodes that are not switched on yet.
    pub fn new(
        setups: Vec<NodeSetup>,
        faults: FaultsConfig,
        battery: Battery,
        injected: Rc<RefCell<Injected>>,
    ) -> Self {
        let life = |setup: NodeSetup| {
            let stream = |purpose| Rng::for_purpose(setup.fleet.seed, purpose, setup.node.0.into());
            Life {
                reboots: stream("reboots"),
                cuts: stream("power-cuts"),
                moments: stream("power-cut-moments"),
                lengths: stream("power-cut-lengths"),
                jumps: stream("clock-jumps"),
                charge: Charge::full(battery),
                power: Power::Off,
                setup,
            }
        };
        Self { lives: setups.into_iter().map(life).collect(), faults, injected }
    }

    /// Switches on those that are there from the beginning, and draws what happens to each before `end`.
    pub fn begin(&mut self, kernel: &mut Kernel<SimEvent>, seed: u64, end: Instant) {
        let last = self.faults.until().min(end);
        let presences = presences(&self.faults, self.lives.len(), seed, last);
        let scheduler = kernel.scheduler();
        for (index, presence) in presences.iter().enumerate() {
            let node = NodeIndex(index as u32);
            if presence.from == Instant::ZERO {
                self.switch_on(node, kernel);
            } else {
                self.injected.borrow_mut().nodes_late += 1;
                scheduler.schedule(presence.from, SimEvent::Node(node, NodeEvent::PowerReturns));
            }
            scheduler.schedule(presence.until, SimEvent::Node(node, NodeEvent::Leaves));
        }
        for index in 0..self.lives.len() {
            let node = NodeIndex(index as u32);
            for event in [NodeEvent::Reboot, NodeEvent::SupplyWeakens, NodeEvent::ClockJumps] {
                self.schedule_next(node, event, kernel);
            }
            if self.faults.battery == BatteryEnd::Silence {
                self.read_battery_later(node, kernel);
            }
        }
    }

    /// Each node's setup, by index.
    pub fn setups(&self) -> impl Iterator<Item = &NodeSetup> {
        self.lives.iter().map(|life| &life.setup)
    }

    /// Carries out what is due.
    pub fn handle(&mut self, node: NodeIndex, event: NodeEvent, kernel: &mut Kernel<SimEvent>) {
        match event {
            NodeEvent::Reboot => {
                if self.switch_off(node, Power::Off, kernel) {
                    self.injected.borrow_mut().reboots += 1;
                    self.switch_on(node, kernel);
                }
                self.schedule_next(node, event, kernel);
            }
            NodeEvent::SupplyWeakens => {
                self.weaken_supply(node, kernel);
                self.schedule_next(node, event, kernel);
            }
            NodeEvent::PowerFails => self.fail_power(node, kernel),
            NodeEvent::PowerReturns => {
                if self.life(node).power == Power::Off {
                    self.life(node).setup.board.clock().restart();
                    self.switch_on(node, kernel);
                }
            }
            NodeEvent::ClockJumps => {
                self.set_clock(node);
                self.schedule_next(node, event, kernel);
            }
            NodeEvent::Leaves => {
                let was_there = self.remove(node, kernel);
                self.injected.borrow_mut().nodes_left += u64::from(was_there);
            }
            NodeEvent::BatteryRead => self.read_battery(node, kernel),
        }
    }

    fn life(&mut self, node: NodeIndex) -> &mut Life {
        &mut self.lives[node.0 as usize]
    }

    fn switch_on(&mut self, node: NodeIndex, kernel: &mut Kernel<SimEvent>) {
        let life = self.life(node);
        life.power = Power::On(kernel.spawn(node::run(life.setup.clone())));
    }

    /// Says whether it was on.
    fn switch_off(&mut self, node: NodeIndex, to: Power, kernel: &mut Kernel<SimEvent>) -> bool {
        let life = self.life(node);
        let Power::On(task) = life.power else { return false };
        kernel.cancel(task);
        life.power = to;
        true
    }

    fn weaken_supply(&mut self, node: NodeIndex, kernel: &mut Kernel<SimEvent>) {
        let faults = self.faults;
        let life = self.life(node);
        let moment = Moment::draw(&mut life.moments, &faults);
        let supply = life.setup.board.supply();
        // The moment that it waited for has not come since: it gives way now.
        if moment == Moment::Now || supply.is_weak() {
            self.fail_power(node, kernel);
        } else {
            supply.weaken(moment);
        }
    }

    fn fail_power(&mut self, node: NodeIndex, kernel: &mut Kernel<SimEvent>) {
        if !self.switch_off(node, Power::Off, kernel) {
            return;
        }
        let mean_s = self.faults.power_cut_s;
        let life = self.life(node);
        life.setup.board.supply().replace();
        life.setup.air.cut_uplink(node);
        let back_at = kernel.now() + seconds(life.lengths.exponential() * mean_s);
        self.injected.borrow_mut().power_cuts += 1;
        // Whatever was off is on again when the faults end.
        let back_at = back_at.min(self.faults.until().max(kernel.now()));
        kernel.scheduler().schedule(back_at, SimEvent::Node(node, NodeEvent::PowerReturns));
    }

    fn set_clock(&mut self, node: NodeIndex) {
        let farthest_us = self.faults.clock_jump_s * 1e6;
        let life = self.life(node);
        let by_us = (2.0 * life.jumps.uniform() - 1.0) * farthest_us;
        if let Power::On(_) = life.power {
            life.setup.board.clock().jump(by_us as i64);
            self.injected.borrow_mut().clock_jumps += 1;
        }
    }

    /// Says whether it was still part of the fleet.
    fn remove(&mut self, node: NodeIndex, kernel: &mut Kernel<SimEvent>) -> bool {
        if self.switch_off(node, Power::Off, kernel) {
            self.life(node).setup.air.cut_uplink(node);
        }
        let life = self.life(node);
        let was_there = std::mem::replace(&mut life.power, Power::Gone) == Power::Off;
        if was_there {
            life.setup.tally.borrow_mut().gone_at = Some(kernel.now());
        }
        was_there
    }

    fn read_battery(&mut self, node: NodeIndex, kernel: &mut Kernel<SimEvent>) {
        let now = kernel.now();
        let life = self.life(node);
        let used = life.setup.air.medium().log().radio_time(node);
        let used_mj = run_mj(&used, now - Instant::ZERO) + life.setup.ble_awake().used_mj;
        if life.charge.left(now, used_mj) > 0.0 {
            return self.read_battery_later(node, kernel);
        }
        let was_there = self.remove(node, kernel);
        self.injected.borrow_mut().batteries_empty += u64::from(was_there);
    }

    fn read_battery_later(&self, node: NodeIndex, kernel: &Kernel<SimEvent>) {
        let at = kernel.now() + BATTERY_INTERVAL;
        kernel.scheduler().schedule(at, SimEvent::Node(node, NodeEvent::BatteryRead));
    }

    fn schedule_next(&mut self, node: NodeIndex, event: NodeEvent, kernel: &Kernel<SimEvent>) {
        let faults = self.faults;
        let life = self.life(node);
        let (rng, per_day) = match event {
            NodeEvent::Reboot => (&mut life.reboots, faults.reboot_per_day),
            NodeEvent::SupplyWeakens => (&mut life.cuts, faults.power_cut_per_day),
            NodeEvent::ClockJumps => (&mut life.jumps, faults.clock_jump_per_day),
            _ => return,
        };
        if let Some(at) = next_event(rng, per_day, kernel.now(), faults.until()) {
            kernel.scheduler().schedule(at, SimEvent::Node(node, event));
        }
    }
}
