package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// filmUser is the viewer of the film. The password is stored only in the folder of the sitting.
const filmUser, filmPassword = "bench", "correct horse battery"

// filmSaid is the line of nvr's log that names its address.
var filmSaid = regexp.MustCompile(`url=(http://\S+)`)

// atFilm runs a recorder of cameras that send a film for the duration of its measurements. These cameras need almost no CPU, while those of
// the demo draw and encode every frame.
func atFilm(ctx context.Context, nvr, dir string, s sitting) (figures []figure, err error) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return nil, errors.New("ffmpeg is missing: it makes the film. Install it from the distribution's packages, for example: apt-get install ffmpeg")
	}
	clip, err := makeClip(ctx, dir, s.film)
	if err != nil {
		return nil, err
	}
	f, err := startFarm(clip, s.cameras)
	if err != nil {
		return nil, fmt.Errorf("start the cameras: %w", err)
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	config := filepath.Join(dir, "config.yaml")
	text := configText(dir, f.urls, "{listen: \"127.0.0.1:0\", tls: off}")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	add := exec.CommandContext(ctx, nvr, "user", "add", filmUser, "-admin", "-password-stdin", "-config", config)
	add.Stdin = strings.NewReader(filmPassword + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("add the user: %w\n%s", err, out)
	}
	g, err := startGroup(ctx, dir, [][]string{{nvr, "run", "-config", config}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	m, err := g.says(ctx, filmSaid)
	if err != nil {
		return nil, err
	}
	return s.take(ctx, m[1], filmUser, filmPassword)
}
