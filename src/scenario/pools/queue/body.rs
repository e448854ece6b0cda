//! Queues: a belt between tasks, an END marker for each one that takes, and messages instead of a shared counter (concepts 51, 52, 54
//! and 55).

use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let consume = params.seconds("consume");
    let outbox = lesson.shown_queue::<String>("outbox", params.count("capacity"));
    let sent = lesson.shown_queue::<u64>("sent", 0);

    lesson.scope(|scope| {
        scope.offer(&outbox);
        let mailers = scope.threads("mailer", params.count("consumers"), |mailer| {
            loop {
                let mail = outbox.get();
                if mail == "END" {
                    break mailer.say("found END");
                }
                mailer.sleep(consume); // as a mail server may take
                mailer.say(&format!("sent {mail}"));
                sent.put(1);
            }
        })?;
        let writers = scope.threads("writer", 2, |writer| {
            let letter = if writer.number() == 1 { 'a' } else { 'b' };
            for number in 1..=6 {
                writer.sleep(Duration::from_millis(200));
                outbox.put(format!("mail {letter}{number}"));
            }
        })?;
        writers.wait();
        for _ in 0..params.count("ends") {
            outbox.put("END".to_owned());
        }
        if params.flag("wait") {
            lesson.sleep(Duration::from_secs(3)); // time to look at the mailers
            for _ in 0..mailers.alive() {
                outbox.put("END".to_owned());
            }
            mailers.wait();
        }
        let total: u64 = std::iter::from_fn(|| sent.try_get()).sum();
        lesson.say(&format!("{total} mails are sent"));
        if mailers.alive() > 0 {
            scope.leave(); // as the end of main does
        }
        Ok(())
    })
}
