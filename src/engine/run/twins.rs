//! The files that Python needs while this engine runs: the twins, in a private folder that goes with the engine, and the shim, in a folder
//! that lasts, or in the private one where none can.

mod lasting;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::engine::run::requests::LaunchError;
use crate::model::ChildSpec;
use crate::scenario::{PYTHON_SHIM, Params, Scenario};
use crate::sys::{PrivateFolder, is_for_one_child, remove_abandoned_folders};

/// The beginning of these folders' names. No other folder may have it: folders without a living owner are removed.
const PREFIX: &str = "tasklab-files-";

/// The folder, once there is one, whether the supervisor does not know it yet, and how many FIFOs and twins it was asked for.
#[derive(Debug)]
pub(crate) struct Twins {
    folder: Option<PrivateFolder>,
    is_new: bool,
    fifos: u64,
    laid_out: u64,
    /// Where a folder may last.
    caches: Vec<PathBuf>,
    /// The shim in the private folder, once no cache has taken it.
    shim: Option<PathBuf>,
}

impl Twins {
    /// None are laid out yet. The environment says where the user's cache is.
    pub(crate) fn new() -> Self {
        Self::with_caches(lasting::caches(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME")))
    }

    fn with_caches(caches: Vec<PathBuf>) -> Self {
        Self { folder: None, is_new: false, fifos: 0, laid_out: 0, caches, shim: None }
    }

    /// The path of a twin with these parameters, written for one run. Another one of the same lesson may go on.
    pub(crate) fn lay_out(&mut self, scenario: &Scenario, params: &Params) -> Result<PathBuf, LaunchError> {
        self.laid_out += 1;
        let run = self.laid_out.to_string();
        let path = self.folder()?.join(scenario.id).join(run).join("body.py");
        write(&path, &scenario.python_with(params.values()))?;
        Ok(path)
    }

    /// The environment of a lesson in Python, in place of ours: the user's settings for Python do not change the lesson, nor the Pythons
    /// that it starts.
    pub(crate) fn environment(&mut self) -> Result<Vec<(OsString, OsString)>, LaunchError> {
        let ours = std::env::vars_os();
        let is_for_it = |name: &OsStr| !name.as_bytes().starts_with(b"PYTHON") && !name.as_bytes().contains(&b'=');
        let ours = ours.filter(|(name, _)| is_for_it(name) && !is_for_one_child(name));
        let mut env: Vec<_> = ours.collect();
        env.push(("PYTHONPATH".into(), self.shim()?.into()));
        // SAFEPATH: Python looks for modules neither in the current folder nor beside the twin.
        for name in ["PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONUNBUFFERED"] {
            env.push((name.into(), "1".into()));
        }
        Ok(env)
    }

    /// The PYTHONPATH for a program: the folder of the shim before its own PYTHONPATH.
    pub(crate) fn python_path(&mut self, program: &ChildSpec) -> Result<OsString, LaunchError> {
        let mut all = self.shim()?.into_os_string();
        let own = program.env.iter().rev().find(|(name, _)| name == "PYTHONPATH").map(|(_, value)| value.clone());
        let inherited = || std::env::var_os("PYTHONPATH").filter(|_| !program.clear_env);
        if let Some(own) = own.or_else(inherited).filter(|path| !path.is_empty()) {
            all.push(":");
            all.push(own);
        }
        Ok(all)
    }

    /// A path for the FIFO of a child's event lines, which nothing has had yet.
    pub(crate) fn events_file(&mut self) -> Result<PathBuf, LaunchError> {
        self.fifos += 1;
        let name = format!("events-{}", self.fifos);
        Ok(self.folder()?.join(name))
    }

    /// The folder, if it was made since the last call. The supervisor removes it at the end, even if we are killed.
    pub(crate) fn take_new(&mut self) -> Option<OsString> {
        let is_new = std::mem::take(&mut self.is_new);
        self.folder.as_ref().filter(|_| is_new).map(|folder| folder.path().into())
    }

    /// The folder in which Python finds the shim. Nothing else lies there: Python takes every file in it for a module. The one that lasts
    /// is looked at each time, since a user may clear the cache meanwhile.
    pub(crate) fn shim(&mut self) -> Result<PathBuf, LaunchError> {
        if let Some(own) = &self.shim {
            return Ok(own.clone());
        }
        if let Some(lasting) = lasting::folder(&self.caches, PYTHON_SHIM) {
            return Ok(lasting);
        }
        let own = self.folder()?.join("import");
        for (name, text) in PYTHON_SHIM {
            write(&own.join(name), text)?;
        }
        Ok(self.shim.insert(own).clone())
    }

    /// Makes the folder in the first place that takes it.
    pub(crate) fn folder(&mut self) -> Result<&Path, LaunchError> {
        let folder = if let Some(folder) = self.folder.take() {
            folder
        } else {
            let made = make_folder(&places(std::env::var_os("XDG_RUNTIME_DIR"), std::env::temp_dir()))?;
            self.is_new = true;
            made
        };
        Ok(self.folder.insert(folder).path())
    }
}

/// Writes a file, and first makes the folder for it.
fn write(path: &Path, text: &str) -> Result<(), LaunchError> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(path, text)).map_err(|error| LaunchError::Twin { path: path.to_owned(), error })
}

fn make_folder(places: &[PathBuf]) -> Result<PrivateFolder, LaunchError> {
    let mut failed = Vec::new();
    for place in places {
        remove_abandoned_folders(place, PREFIX);
        match PrivateFolder::make(place, PREFIX) {
            Ok(folder) => return Ok(folder),
            Err(error) => failed.push(format!("{}: {error}", place.display())),
        }
    }
    Err(LaunchError::NoFolder(failed.join("; ")))
}

/// Places for the folder: the user's runtime folder, if it exists and is the user's own, else the folders for temporary files. A path with a
/// colon is no place, since a colon divides the folders of a PYTHONPATH.
fn places(runtime: Option<OsString>, temporary: PathBuf) -> Vec<PathBuf> {
    let me = rustix::process::geteuid().as_raw();
    let is_ours = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == me);
    let runtime = runtime.map(PathBuf::from).filter(|path| path.is_absolute() && is_ours(path));
    let has_colon = |path: &OsStr| path.as_bytes().contains(&b':');
    runtime.into_iter().chain([temporary, "/tmp".into()]).filter(|path| !has_colon(path.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::scenario::CATALOGUE;

    #[test]
    fn two_engines_lay_their_twins_out_apart_and_each_removes_its_own() {
        let scenario = CATALOGUE[0];
        let (mut first, mut second) = (Twins::with_caches(Vec::new()), Twins::with_caches(Vec::new()));
        let params = Params::defaults(scenario.params);
        let mine = first.lay_out(scenario, &params).expect("written");
        let other = second.lay_out(scenario, &params).expect("written");
        assert_ne!(mine, other);
        drop(second);
        assert!(mine.exists() && !other.exists());
        let again = first.lay_out(scenario, &params).expect("written again");
        assert!(again != mine && again.ends_with("process-basics/2/body.py"), "{}", again.display());
        let folder = mine.ancestors().nth(3).expect("the engine's");
        assert_eq!(first.take_new().as_deref(), Some(folder.as_os_str()));
        assert_eq!(first.take_new(), None, "it is told once");
        drop(first);
        assert!(!folder.exists());
    }

    #[test]
    fn the_shim_lasts_in_the_cache_or_goes_with_the_engine() {
        let cache = tempfile::tempdir().expect("a folder");
        let (mut first, mut second) =
            (Twins::with_caches(vec![cache.path().into()]), Twins::with_caches(vec![cache.path().into()]));
        let lasting = first.shim().expect("made");
        assert_eq!(second.shim().expect("there"), lasting);
        assert!(lasting.starts_with(cache.path()) && first.take_new().is_none(), "no folder of its own: {}", lasting.display());
        fs::remove_dir_all(cache.path().join("tasklab")).expect("ours");
        assert_eq!(second.shim().expect("made again"), lasting);
        drop((first, second));
        assert!(PYTHON_SHIM.iter().all(|(name, _)| lasting.join(name).exists()));
        // Without a cache.
        let mut without = Twins::with_caches(vec!["/proc/no".into()]);
        let own = without.shim().expect("written");
        assert!(PYTHON_SHIM.iter().all(|(name, _)| own.join(name).exists()));
        let folder = without.take_new().expect("the engine's");
        assert_eq!(own, Path::new(&folder).join("import"));
        let (file, long_ago) = (own.join(PYTHON_SHIM[0].0), SystemTime::UNIX_EPOCH);
        fs::File::open(&file).and_then(|file| file.set_modified(long_ago)).expect("ours");
        assert_eq!(without.shim().expect("there"), own);
        assert_eq!(fs::metadata(&file).and_then(|found| found.modified()).expect("a time"), long_ago, "it is written once");
        drop(without);
        assert!(!own.exists());
    }

    #[test]
    fn the_folder_is_where_the_user_alone_can_be_or_where_temporary_files_go() {
        let own = tempfile::tempdir().expect("a folder");
        let of = |runtime: &Path| places(Some(runtime.into()), "/t".into());
        assert_eq!(of(own.path())[0], own.path());
        let others = [Path::new("/"), &own.path().join("missing"), Path::new("relative"), Path::new("")];
        // Root owns /.
        for refused in others.into_iter().skip(usize::from(rustix::process::geteuid().is_root())) {
            assert_eq!(of(refused), [PathBuf::from("/t"), PathBuf::from("/tmp")], "{}", refused.display());
        }
        let divided = own.path().join("a:b");
        fs::create_dir(&divided).expect("made");
        assert_eq!(places(Some(divided.into()), "/c:d".into()), [PathBuf::from("/tmp")]);
        assert!(make_folder(&["/proc".into(), own.path().into()]).is_ok_and(|made| made.path().starts_with(own.path())));
        let error = make_folder(&["/proc".into(), own.path().join("no")]).expect_err("nowhere").to_string();
        assert!(error.contains("/proc: ") && error.contains("/no: "), "{error}");
    }
}
