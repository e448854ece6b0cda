//! The Python package `tasklab`, which the Python twins import.

/// Its modules: file names and texts.
pub const PYTHON_SHIM: [(&str, &str); 12] = [
    ("__init__.py", include_str!("../../assets/python/tasklab/__init__.py")),
    ("control.py", include_str!("../../assets/python/tasklab/control.py")),
    ("events.py", include_str!("../../assets/python/tasklab/events.py")),
    ("lanes.py", include_str!("../../assets/python/tasklab/lanes.py")),
    ("locks.py", include_str!("../../assets/python/tasklab/locks.py")),
    ("parameters.py", include_str!("../../assets/python/tasklab/parameters.py")),
    ("processes.py", include_str!("../../assets/python/tasklab/processes.py")),
    ("queues.py", include_str!("../../assets/python/tasklab/queues.py")),
    ("stepping.py", include_str!("../../assets/python/tasklab/stepping.py")),
    ("threads.py", include_str!("../../assets/python/tasklab/threads.py")),
    ("tracked.py", include_str!("../../assets/python/tasklab/tracked.py")),
    ("words.py", include_str!("../../assets/python/tasklab/words.py")),
];
