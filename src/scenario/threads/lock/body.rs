//! Locks: who waits for one, who asks without waiting, and who never gives it back (concepts 28 to 32).

use std::time::Duration;

use crate::scenario::card::Params;
use crate::scenario::lesson::{Lesson, LessonError, NotHeld, Worker};

pub(super) fn run(lesson: &Lesson, params: &Params) -> Result<(), LessonError> {
    let rounds = params.count("rounds");
    let (section, outside) = (params.seconds("section"), params.seconds("outside"));
    let tool = lesson.lock("tool");
    let diary = lesson.reentrant_lock("diary");

    let saw = |worker: &Worker<'_>| {
        for _ in 0..rounds {
            worker.sleep(outside);
            tool.acquire();
            worker.sleep(section);
            tool.release()?;
        }
        Ok::<(), NotHeld>(())
    };
    let drill = |worker: &Worker<'_>| {
        for _ in 0..rounds {
            worker.sleep(outside);
            let _tool = tool.held();
            worker.sleep(section);
        }
        Ok(())
    };
    let pass_by = |passer: &Worker<'_>| {
        for _ in 0..8 {
            if tool.try_acquire() {
                lesson.say("passer-by: free");
                tool.release()?;
            } else {
                lesson.say("passer-by: taken");
            }
            passer.sleep(Duration::from_millis(250));
        }
        Ok::<(), NotHeld>(())
    };
    let add_score = |_: &Worker<'_>| {
        let scores: Vec<u32> = Vec::new();
        tool.acquire();
        lesson.value("score", scores[0] + 1); // panics: the list is empty
        tool.release()
    };
    let release_diary = |_: &Worker<'_>| {
        if let Err(error) = diary.release() {
            lesson.say(&format!("stranger got: {error}"));
        }
    };

    lesson.scope(|scope| {
        scope.offer(&tool);
        let use_tool = |worker: &Worker<'_>| if worker.number() % 2 == 1 { saw(worker) } else { drill(worker) };
        let workers = scope.threads("worker", params.count("workers"), use_tool)?;
        let passer_by = scope.thread("passer-by", pass_by)?;
        workers.wait();
        passer_by.join();

        scope.thread("careless", add_score)?.join();
        lesson.say("main wants the tool");
        if !tool.acquire_for(params.seconds("pause")) {
            lesson.say("main releases it");
        }
        let _ = tool.release();

        let _diary = diary.held();
        let _diary_again = diary.held();
        lesson.say("main: diary, twice");
        scope.thread("stranger", release_diary)?.join();
        lesson.sleep(Duration::from_millis(500));
        Ok(())
    })
}
