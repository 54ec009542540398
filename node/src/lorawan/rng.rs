//! The only two things for which the stack draws random numbers, decided by the guard.
use lorawan_device::RngCore;

/// Gives the stack a counted DevNonce, then channel 0 for ever.
///
/// In a join the stack's first draw becomes the DevNonce, in the byte order opposite to the air's; every other
/// draw selects a channel. The gate sends on the guard's own channel anyway, and channel 0 is always enabled in a
/// fresh stack, so the stack's search for a usable channel ends at its first draw.
pub(super) struct DrawnNonce {
    first_draw: Option<u16>,
}

impl DrawnNonce {
    /// For a join with this DevNonce, as a network server reads it.
    pub fn of_join(dev_nonce: u16) -> Self {
        Self { first_draw: Some(dev_nonce.swap_bytes()) }
    }

    /// For an uplink.
    pub fn of_data() -> Self {
        Self { first_draw: None }
    }
}

impl RngCore for DrawnNonce {
    fn next_u32(&mut self) -> u32 {
        self.first_draw.take().map_or(0, u32::from)
    }

    fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32())
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}
