# Each target does its whole set-up on a fresh Debian 12/13 or Raspberry Pi OS; packaging/setup.sh says what and why.
#   make run ARGS="run fork"     passes arguments to the program
.PHONY: run test build deb bench clean

run:
	@packaging/setup.sh run $(ARGS)

test:
	@packaging/setup.sh test

build:
	@packaging/setup.sh build

deb:
	@packaging/setup.sh deb

bench:
	@packaging/setup.sh bench $(ARGS)

clean:
	rm -rf target
