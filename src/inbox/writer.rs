//! Writes deliveries, many in one transaction.
//!
//! A transaction waits for the disk, and a storm brings more deliveries a second than a disk can wait for. So one task
//! writes, and each of its transactions takes along what came while the one before it waited: a single delivery is written
//! at once, and the more there are, the cheaper each is. Races decided here: a delivery is answered after the commit of
//! its transaction; a mark is set after the commit as well, whether anybody still waits for the answer or not; what finds
//! no room is refused at once, before the forge stops waiting.

use super::keeping::Intake;
use super::{Hints, Refusal};
use crate::forge::RepositoryName;
use crate::store::{Delivery, Store, StoreResult, Stored};
use std::sync::Arc;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The most deliveries of one transaction. More would make the first of them wait for the last.
const BATCH: usize = 256;

/// How much may wait to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// How many deliveries.
    pub(super) deliveries: usize,
    /// How many KiB of payloads.
    pub(super) kibibytes: u32,
}

/// Four seconds of a storm, or eight of the largest deliveries.
pub(super) const ROOM: Room = Room { deliveries: 2048, kibibytes: 64 * 1024 };

/// How the writing of one delivery ended.
pub(super) type Written = Result<Stored, Refusal>;

/// The way to the task that writes. When it is dropped, the task writes what waits and ends.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    kibibytes: u32,
}

#[derive(Debug)]
struct Waiting {
    delivery: Delivery,
    repository: RepositoryName,
    answer: oneshot::Sender<Written>,
    /// Given back when it was written.
    _room: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the task.
    pub(super) fn start(store: Arc<Store>, hints: Hints, intake: Arc<Intake>, room: Room) -> Self {
        let (queue, waiting) = mpsc::channel(room.deliveries);
        tokio::spawn(write(waiting, store, hints, intake));
        let kibibytes = room.kibibytes;
        Self { queue, room: Arc::new(Semaphore::new(kibibytes as usize)), kibibytes }
    }

    /// Queues a delivery; the answer comes when it was written or could not be.
    pub(super) fn put(
        &self,
        delivery: Delivery,
        repository: RepositoryName,
    ) -> Result<oneshot::Receiver<Written>, Refusal> {
        // One that is larger than all the room there is may go alone.
        let needed =
            u32::try_from(delivery.payload_bytes() / 1024 + 1).unwrap_or(u32::MAX).min(self.kibibytes);
        let room = Arc::clone(&self.room).try_acquire_many_owned(needed).map_err(|_| Refusal::Busy)?;
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Waiting { delivery, repository, answer, _room: room }).map_err(|error| {
            match error {
                TrySendError::Full(_) => Refusal::Busy,
                TrySendError::Closed(_) => Refusal::Stopped,
            }
        })?;
        Ok(answered)
    }
}

/// No time-out here: what the disk does with a transaction that hangs is not known before it answers, and those who wait
/// for one have their own.
async fn write(mut waiting: mpsc::Receiver<Waiting>, store: Arc<Store>, hints: Hints, intake: Arc<Intake>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let deliveries: Vec<&Delivery> = batch.iter().map(|one: &Waiting| &one.delivery).collect();
        let done = store.put_deliveries(&deliveries).await;
        if done.is_ok() {
            // Some of it may be there already: then it is looked once too often.
            intake.came(deliveries.iter().map(|one| one.payload_bytes()).sum());
        }
        answer(batch.drain(..), done, &hints);
    }
}

fn answer(batch: impl Iterator<Item = Waiting>, done: StoreResult<Vec<Stored>>, hints: &Hints) {
    let answers: Box<dyn Iterator<Item = Written>> = match done {
        Ok(stored) => Box::new(stored.into_iter().map(Ok)),
        Err(error) => {
            let error = Arc::new(error);
            Box::new(std::iter::repeat_with(move || Err(Refusal::Store(Arc::clone(&error)))))
        }
    };
    for (one, written) in batch.zip(answers) {
        if matches!(written, Ok(Stored::New | Stored::Repeated)) {
            hints.mark_since(&one.repository, one.delivery.received_at);
        }
        // Whoever asked may have been answered that it took too long.
        let _ = one.answer.send(written);
    }
}

#[cfg(test)]
mod tests {
    use super::{Room, Writer};
    use crate::inbox::keeping::{Intake, LIMITS};
    use crate::inbox::{Hints, Refusal};
    use crate::store::{Delivery, Evidence, Store, Stored};
    use jiff::Timestamp;
    use std::sync::Arc;
    use std::time::Duration;

    fn delivery(id: usize, payload: &str) -> Delivery {
        Delivery {
            id: format!("d{id}"),
            received_at: Timestamp::now(),
            event: "issues".to_owned(),
            action: "edited".to_owned(),
            repository: "ops/homelab".to_owned(),
            issue: Some(7),
            sender: "operator".to_owned(),
            evidence: Some(Evidence {
                payload: payload.to_owned(),
                hash: format!("hash {id}"),
                comment: None,
                of_runs_only: false,
            }),
        }
    }

    fn start(store: &Arc<Store>, hints: &Hints, room: Room) -> Writer {
        Writer::start(Arc::clone(store), hints.clone(), Arc::new(Intake::new(LIMITS)), room)
    }

    fn name() -> crate::forge::RepositoryName {
        "ops/homelab".parse().unwrap()
    }

    #[tokio::test]
    async fn what_finds_no_room_is_refused_at_once_and_the_rest_is_written() {
        let store = Arc::new(Store::in_memory().await.unwrap());
        let hints = Hints::default();
        let writer = start(&store, &hints, Room { deliveries: 3, kibibytes: 4 });
        let turn = store.hold_up().await;
        // The task may take the first out of the queue at any time, so one more or one less finds room.
        let answers: Vec<_> = (0..6).map(|id| writer.put(delivery(id, "{}"), name())).collect();
        let taken: Vec<_> = answers.into_iter().flatten().collect();
        assert!((3..=4).contains(&taken.len()), "{}", taken.len());
        let large = "x".repeat(5 * 1024);
        assert!(matches!(writer.put(delivery(9, &large), name()), Err(Refusal::Busy)));

        drop(turn);
        let many = taken.len() as u64;
        for answer in taken {
            assert_eq!(answer.await.unwrap().unwrap(), Stored::New);
        }
        assert_eq!(store.count_deliveries().await.unwrap(), many);
        // There is room again, also for one that is larger than all of it.
        assert_eq!(writer.put(delivery(9, &large), name()).unwrap().await.unwrap().unwrap(), Stored::New);
        assert_eq!(hints.notified().await.len(), 1);
    }

    #[tokio::test]
    async fn what_waits_when_nobody_sends_any_more_is_written() {
        let store = Arc::new(Store::in_memory().await.unwrap());
        let hints = Hints::default();
        let writer = start(&store, &hints, Room { deliveries: 8, kibibytes: 8 });
        let turn = store.hold_up().await;
        // Nobody waits for these answers: the mark is set all the same.
        drop(writer.put(delivery(1, "{}"), name()).unwrap());
        let answer = writer.put(delivery(2, "{}"), name()).unwrap();
        drop(writer);
        drop(turn);
        assert_eq!(answer.await.unwrap().unwrap(), Stored::New);
        assert_eq!(store.count_deliveries().await.unwrap(), 2);
        let marked = tokio::time::timeout(Duration::from_secs(5), hints.notified()).await;
        assert_eq!(marked.unwrap(), [name()].into());
    }

    #[tokio::test]
    async fn a_full_disk_refuses_all_that_wait_and_marks_nothing() {
        let store = Arc::new(Store::in_memory().await.unwrap());
        let hints = Hints::default();
        let writer = start(&store, &hints, Room { deliveries: 8, kibibytes: 8192 });
        store.leave_room(Some(2)).await;
        let large = "x".repeat(1 << 20);
        let answer = writer.put(delivery(1, &large), name()).unwrap();
        let refusal = answer.await.unwrap().unwrap_err();
        assert!(matches!(refusal, Refusal::Store(_)), "{refusal:?}");
        let mut cause: &dyn std::error::Error = &refusal;
        while let Some(source) = cause.source() {
            cause = source;
        }
        assert!(cause.to_string().contains("full"), "{cause}");
        let nothing = tokio::time::timeout(Duration::from_millis(50), hints.notified()).await;
        assert!(nothing.is_err(), "what is not stored hints at nothing");

        store.leave_room(None).await;
        let again = writer.put(delivery(1, &large), name()).unwrap();
        assert_eq!(again.await.unwrap().unwrap(), Stored::New, "it goes on when there is room");
    }
}
