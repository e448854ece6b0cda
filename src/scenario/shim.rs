//! The Python files that a program can be given: the observer, which `sitecustomize` starts, and the package `tasklab`, which the Python
//! twins import.

/// A file by its path in the folder that Python looks into.
macro_rules! files {
    ($($name:literal)*) => {
        /// Their paths and texts.
        pub const PYTHON_SHIM: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../assets/python/", $name)))),*];
    };
}

files! {
    "sitecustomize.py"
    "tasklab-1.0.dist-info/METADATA"
    "tasklab-1.0.dist-info/entry_points.txt"
    "tasklab/__init__.py"
    "tasklab/control.py"
    "tasklab/events.py"
    "tasklab/finder.py"
    "tasklab/knobs.py"
    "tasklab/lanes.py"
    "tasklab/locks.py"
    "tasklab/observe/__init__.py"
    "tasklab/observe/conditions.py"
    "tasklab/observe/coroutines.py"
    "tasklab/observe/frames.py"
    "tasklab/observe/futures.py"
    "tasklab/observe/hooks.py"
    "tasklab/observe/lanes.py"
    "tasklab/observe/lines.py"
    "tasklab/observe/listener.py"
    "tasklab/observe/locks.py"
    "tasklab/observe/processes.py"
    "tasklab/observe/programs.py"
    "tasklab/observe/queues.py"
    "tasklab/observe/quiet.py"
    "tasklab/observe/schedules.py"
    "tasklab/observe/start.py"
    "tasklab/observe/stepping.py"
    "tasklab/observe/things.py"
    "tasklab/observe/threads.py"
    "tasklab/observe/workers.py"
    "tasklab/parameters.py"
    "tasklab/pins.py"
    "tasklab/processes.py"
    "tasklab/queues.py"
    "tasklab/run_with_knobs.py"
    "tasklab/stepping.py"
    "tasklab/threads.py"
    "tasklab/tracked.py"
    "tasklab/words.py"
}
