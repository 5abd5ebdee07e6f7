//! What the operator of the sandbox has set: out of order or not, the rules for bad days, and bad
//! luck of single orders. Forgotten at a restart.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::faults::{Faults, InvalidFaults, Target};
use crate::misbehaviour::Misbehaviour;

#[derive(Debug, Default)]
pub(crate) struct Controls {
    set: Mutex<Set>,
}

#[derive(Debug, Default)]
struct Set {
    outage: bool,
    faults: Faults,
    /// By what is asked and about which reference: what the next such request meets.
    singled_out: HashMap<(Target, String), Option<Misbehaviour>>,
}

pub(crate) struct OutOfOrder;

impl Controls {
    /// The fault of a request that comes now.
    pub(crate) fn todays(
        &self,
        target: Target,
        reference: &str,
    ) -> Result<Option<Misbehaviour>, OutOfOrder> {
        let mut set = self.lock();
        if set.outage {
            return Err(OutOfOrder);
        }
        if !set.singled_out.is_empty()
            && let Some(fault) = set.singled_out.remove(&(target, reference.to_owned()))
        {
            return Ok(fault);
        }
        Ok(set.faults.pick(target))
    }

    pub(crate) fn single_out(&self, target: Target, reference: &str, fault: Option<Misbehaviour>) {
        let of = (target, reference.to_owned());
        self.lock().singled_out.insert(of, fault);
    }

    pub(crate) fn is_out_of_order(&self) -> bool {
        self.lock().outage
    }

    pub(crate) fn set_outage(&self, on: bool) {
        self.lock().outage = on;
    }

    pub(crate) fn set_faults(&self, faults: Faults) -> Result<(), InvalidFaults> {
        faults.check()?;
        self.lock().faults = faults;
        Ok(())
    }

    pub(crate) fn faults(&self) -> Faults {
        self.lock().faults.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
