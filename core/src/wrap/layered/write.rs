//! Writes through layers, and the conditions that hold for what a read sees.

use super::Layered;
use super::versions::{mark, unmark};
use crate::backend::{
    BackendResult, ConditionalPut, DeleteOutcome, KeyValueBackend, Operation, Precondition,
    PutOutcome, Value, Version,
};
use crate::key::Key;

impl Layered {
    pub(super) async fn put_first(
        &self,
        key: &Key,
        value: Value,
        when: Precondition,
    ) -> BackendResult<PutOutcome> {
        self.require_honoured(key, &when)?;
        let (first, lower) = (&self.layers[0], &self.layers[1..]);
        let when = match when {
            Precondition::Always => Precondition::Always,
            Precondition::IfAbsent => {
                for layer in lower {
                    if layer.head(key).await?.is_some() {
                        return Ok(PutOutcome::Conflict);
                    }
                }
                Precondition::IfAbsent
            }
            Precondition::IfVersion(version) => match unmark(&version) {
                Some((0, own)) => Precondition::IfVersion(own),
                // What a read saw was in a lower layer: nothing may have been put above it.
                Some((place, own)) if self.is_at(key, place, &own).await? => Precondition::IfAbsent,
                _ => return Ok(PutOutcome::Conflict),
            },
        };
        Ok(match first.put(key, value, when).await? {
            PutOutcome::Written { version } => PutOutcome::Written { version: mark(0, version) },
            PutOutcome::Conflict => PutOutcome::Conflict,
        })
    }

    /// Refuses a condition that the first layer does not honour.
    fn require_honoured(&self, key: &Key, when: &Precondition) -> BackendResult<()> {
        let needed = match when {
            Precondition::Always => ConditionalPut::Unsupported,
            Precondition::IfAbsent => ConditionalPut::CreateOnly,
            Precondition::IfVersion(_) => ConditionalPut::CompareAndSwap,
        };
        if self.capabilities().conditional_put >= needed {
            return Ok(());
        }
        Err(self.unsupported(Operation::Put, key, "the first layer does not honour that condition"))
    }

    /// Whether the key's value is that of a layer, in that state.
    async fn is_at(&self, key: &Key, place: usize, own: &Version) -> BackendResult<bool> {
        let found = self.find(key).await?;
        Ok(found.is_some_and(|(at, meta)| at == place && meta.version.as_ref() == Some(own)))
    }

    pub(super) async fn put_all(
        &self,
        key: &Key,
        value: Value,
        when: Precondition,
    ) -> BackendResult<PutOutcome> {
        if when != Precondition::Always {
            return Err(self.unsupported(Operation::Put, key, NOT_IN_ALL));
        }
        let mut outcome = PutOutcome::Conflict;
        for (place, layer) in self.layers.iter().enumerate().rev() {
            outcome = match layer.put(key, value.clone(), Precondition::Always).await? {
                PutOutcome::Written { version } => {
                    PutOutcome::Written { version: mark(place, version) }
                }
                PutOutcome::Conflict => PutOutcome::Conflict,
            };
        }
        Ok(outcome)
    }

    pub(super) async fn delete_first(
        &self,
        key: &Key,
        when: Precondition,
    ) -> BackendResult<DeleteOutcome> {
        let first = &self.layers[0];
        match when {
            Precondition::Always => {
                self.require_deletable(key).await?;
                first.delete(key, Precondition::Always).await
            }
            Precondition::IfAbsent => match self.find(key).await? {
                Some(_) => Ok(DeleteOutcome::Conflict),
                None => Ok(DeleteOutcome::Deleted),
            },
            Precondition::IfVersion(version) => {
                if !self.capabilities().conditional_delete {
                    let note = "the first layer does not honour that condition";
                    return Err(self.unsupported(Operation::Delete, key, note));
                }
                match unmark(&version) {
                    Some((0, own)) => {
                        self.require_deletable(key).await?;
                        first.delete(key, Precondition::IfVersion(own)).await
                    }
                    Some((place, own)) if self.is_at(key, place, &own).await? => {
                        Err(self.unsupported(Operation::Delete, key, BELOW))
                    }
                    _ => Ok(DeleteOutcome::Conflict),
                }
            }
        }
    }

    /// Refuses a key that a lower layer has: deleted above, it would still be there.
    pub(super) async fn require_deletable(&self, key: &Key) -> BackendResult<()> {
        for layer in &self.layers[1..] {
            if layer.head(key).await?.is_some() {
                return Err(self.unsupported(Operation::Delete, key, BELOW));
            }
        }
        Ok(())
    }

    pub(super) async fn delete_all(
        &self,
        key: &Key,
        when: Precondition,
    ) -> BackendResult<DeleteOutcome> {
        if when != Precondition::Always {
            return Err(self.unsupported(Operation::Delete, key, NOT_IN_ALL));
        }
        for layer in self.layers.iter().rev() {
            let _always_deleted = layer.delete(key, Precondition::Always).await?;
        }
        Ok(DeleteOutcome::Deleted)
    }
}

const BELOW: &str = "a lower layer has it, which is not changed";
const NOT_IN_ALL: &str = "a condition cannot be checked in several layers at once";
