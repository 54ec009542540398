//! Runs an agent over a guarded LoRaWAN stack. Neutral to the executor; never drops a `send` future.
use super::{Acknowledgement, Confirmation, Guard, JoinError, SendError, SnapshotStore, Standing};
use crate::agent::{Action, Agent, Bearer, Event, Link, Refusal, Uplink};
use crate::driver::Surrounded;
pub use crate::world::{SteadyClock, World};
use chirrup_protocol::region::{DataRate, Region};
use chirrup_protocol::time::Instant;
use lorawan_device::async_device::Timings;
use lorawan_device::async_device::radio::{PhyRxTx, Timer};
use rand_core::RngCore;

/// Joins that may fail at one data rate before a slower one is tried.
const JOINS_A_DATA_RATE: u32 = 2;

/// Limits of the data rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataRateRange {
    /// Slowest.
    pub lowest: DataRate,
    /// Fastest; joins begin with it.
    pub highest: DataRate,
}

/// An agent, its guarded stack and its world.
pub struct Driver<'a, 'm, R, T, G, S, W> {
    /// Decides.
    pub agent: &'a mut Agent<'m>,
    /// Sends.
    pub guard: &'a mut Guard<R, T, G, S>,
    /// Surrounds.
    pub world: &'a mut W,
    /// The region.
    pub region: Region,
    /// Limits of the data rate.
    pub data_rates: DataRateRange,
    /// What the agent takes for the time.
    pub clock: SteadyClock,
}

impl<'m, R, T, G, S, W> Driver<'_, 'm, R, T, G, S, W>
where
    R: PhyRxTx + Timings,
    T: Timer,
    G: RngCore,
    S: SnapshotStore,
    W: World,
{
    /// Runs until the future is dropped. `features` holds one sample.
    pub async fn run(&mut self, features: &mut [f32]) -> ! {
        let mut failed_joins = 0;
        loop {
            let link = self.link();
            let now = self.now();
            match self.agent.poll_action(now, &link) {
                Some(Action::Join) => self.join(&mut failed_joins).await,
                Some(Action::Store(snapshot)) => self.surrounded().store(&snapshot).await,
                Some(Action::UseDataRate(data_rate)) => self.use_data_rate(data_rate),
                Some(Action::Transmit(mut uplink)) => self.transmit(&mut uplink).await,
                None => self.surrounded().wait(features, &link).await,
            }
        }
    }

    fn now(&mut self) -> Instant {
        self.surrounded().now()
    }

    fn surrounded(&mut self) -> Surrounded<'_, 'm, W> {
        Surrounded { agent: self.agent, world: self.world, clock: &mut self.clock }
    }

    /// A time of the guard as a time of the agent.
    fn told(&mut self, by_uptime: Instant) -> Instant {
        let wait = by_uptime - self.world.uptime();
        if by_uptime == Instant::NEVER { by_uptime } else { self.now() + wait }
    }

    fn link(&self) -> Link {
        Link {
            joined: self.guard.standing() == Standing::Joined,
            bearer: Bearer::LoRaWan(self.region),
            data_rate: self.guard.data_rate(),
            max_payload_bytes: self.guard.max_payload_bytes(),
            lowest_data_rate: self.data_rates.lowest,
            battery: self.world.battery(),
        }
    }

    async fn join(&mut self, failed_joins: &mut u32) {
        self.use_data_rate(self.join_data_rate(*failed_joins));
        let joined = self.guard.join(self.world.uptime()).await;
        let now = self.now();
        let event = match joined {
            Ok(_) => {
                *failed_joins = 0;
                Event::Joined
            }
            Err(JoinError::DutyCycle { earliest }) => Event::JoinFailed { not_before: self.told(earliest) },
            Err(_) => {
                *failed_joins += 1;
                Event::JoinFailed { not_before: now }
            }
        };
        self.agent.handle(now, event);
        self.world.observe(self.agent);
    }

    /// From the fastest to slower ones. A node that has a session knows better: it came down to its data rate.
    fn join_data_rate(&self, failed_joins: u32) -> DataRate {
        let (fastest, steps) = match self.guard.standing() {
            Standing::NotJoined => (self.data_rates.highest, failed_joins / JOINS_A_DATA_RATE),
            Standing::Joined | Standing::JoinAgain => (self.guard.data_rate(), failed_joins.min(1)),
        };
        DataRate(fastest.0.saturating_sub(steps.min(u8::MAX.into()) as u8))
    }

    /// Advice beyond the configured range is followed as far as the range goes.
    fn use_data_rate(&mut self, data_rate: DataRate) {
        let data_rate = data_rate.clamp(self.data_rates.lowest, self.data_rates.highest);
        self.guard.set_data_rate(data_rate).expect("the range was checked when the guard was made");
    }

    async fn transmit(&mut self, uplink: &mut Uplink) {
        let confirmation = if uplink.confirm { Confirmation::Requested } else { Confirmation::NotRequested };
        self.world.transmits(uplink);
        let sent = self.guard.send(self.world.uptime(), uplink.fport, &uplink.payload, confirmation).await;
        let now = self.now();
        match &sent {
            Ok(sent) => {
                let message = sent.downlink.as_ref().and_then(|downlink| downlink.message.as_ref());
                let downlink = message.map(|message| (message.fport, message.payload.as_slice()));
                let answered = sent.downlink.is_some() || sent.acknowledgement == Acknowledgement::Received;
                self.agent.handle(now, Event::UplinkSent { on_air: sent.on_air, downlink, answered });
            }
            Err(SendError::DutyCycle { earliest }) => {
                let not_before = self.told(*earliest);
                self.agent.handle(now, Event::UplinkRefused(Refusal::NotBefore(not_before)));
            }
            Err(error) => self.agent.handle(now, Event::UplinkRefused(refusal(error))),
        }
        self.world.observe(self.agent);
    }
}

fn refusal<P, S>(error: &SendError<P, S>) -> Refusal {
    match error {
        SendError::NotJoined | SendError::SessionExhausted => Refusal::SessionLost,
        _ => Refusal::Failed,
    }
}
