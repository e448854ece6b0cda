# Each target also sets up a fresh Debian 12/13 or Raspberry Pi OS for itself; packaging/setup.sh says what it installs, and why.
#   make run ARGS="run fork"     passes arguments to the program
.PHONY: run test test-pi test-deb build deb bench icons clean

run:
	@packaging/setup.sh run $(ARGS)

test:
	@packaging/setup.sh test

test-pi:
	@packaging/setup.sh test-pi $(ARGS)

test-deb:
	@packaging/setup.sh test-deb

build:
	@packaging/setup.sh build

deb:
	@packaging/setup.sh deb

bench:
	@packaging/setup.sh bench $(ARGS)

# Draws the committed pictures from the SVG file (needs librsvg2-bin).
icons:
	for size in 48 64 128 256; do \
		rsvg-convert -w $$size -h $$size assets/icons/org.tasklab.TaskLab.svg -o assets/icons/org.tasklab.TaskLab-$$size.png || exit; \
	done

clean:
	rm -rf target
