package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/onvif"
	"keepwatch.internal/internal/outbound"
	"keepwatch.internal/internal/probe"
	"keepwatch.internal/recorder"
	"keepwatch.internal/web"
)

const (
	// refusedFor is how long a login that a camera refused is not tried again: cameras lock accounts for about as long.
	refusedFor = 30 * time.Minute
	// maxRefused and maxProposals bound what is remembered.
	maxRefused   = 256
	maxProposals = 16
	// proposalFor is how long a proposal may be written.
	proposalFor = 30 * time.Minute
)

// prober looks at cameras for the pages. It implements web.CameraProbe.
type prober struct {
	app *app

	mu        sync.Mutex
	key       [32]byte               // of the hashes in refused
	refused   map[[32]byte]time.Time // logins that a camera refused, and when
	proposals []kept                 // the newest last
	writing   sync.Mutex             // held while the configuration is written
}

// ownerHint says whose the camera will be.
const ownerHint = "It will belong to the first account ever made, unless you add owners."

// kept is a proposal that its account may write. It has the camera's password, so it stays in memory.
type kept struct {
	token    string
	account  int64
	made     time.Time
	proposal probe.Proposal
}

func newProber(a *app) *prober {
	p := &prober{app: a, refused: map[[32]byte]time.Time{}}
	_, _ = rand.Read(p.key[:]) // never fails
	return p
}

// Discover implements web.CameraProbe.
func (p *prober) Discover(ctx context.Context) ([]web.FoundCamera, error) {
	p.app.log.Info("looking for cameras on the local network")
	found, err := onvif.Discover(ctx, onvif.Search{Dialer: p.app.out})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && len(found) == 0 {
		p.app.log.Warn("looking for cameras", "err", err)
		return nil, &web.ProbeError{Words: "the local network cannot be asked: this computer has no network interface that can send to a group"}
	}
	var all []web.FoundCamera
	for _, f := range found {
		all = append(all, web.FoundCamera{Address: probe.AddressOf(f), Name: f.Name, Model: f.Hardware, Location: f.Location})
	}
	return all, nil
}

// Host implements web.CameraProbe.
func (p *prober) Host(address string) (string, error) {
	_, host, err := p.requestOf(web.ProbeRequest{Address: address})
	if err != nil {
		return "", &web.ProbeError{Words: err.Error()}
	}
	return host, nil
}

// Look implements web.CameraProbe.
func (p *prober) Look(ctx context.Context, q web.ProbeRequest) (*web.ProbeResult, error) {
	request, host, err := p.requestOf(q)
	if err != nil {
		return nil, &web.ProbeError{Words: err.Error()}
	}
	login := p.loginOf(host, request)
	if at, found := p.refusedAt(login); found {
		zone := p.app.conf.Timezone
		return nil, &web.ProbeError{Words: fmt.Sprintf("the camera refused this user name and password at %s. Cameras lock accounts, so they are not tried again before %s: correct them",
			format.Clock(at.In(zone)), format.Clock(at.Add(refusedFor).In(zone)))}
	}
	p.app.log.Info("looking at a camera", "address", host)
	request.Dialer, request.Logger = p.app.out.ForProbe(host), p.app.log.With("camera", outbound.Probe)
	found, err := probe.Look(ctx, request)
	if missing, ok := errors.AsType[*probe.NotFoundError](err); ok {
		if missing.Refused {
			p.refuse(login)
		}
		return nil, &web.ProbeError{Words: missing.Reason}
	}
	if err != nil {
		return nil, err
	}
	for _, s := range found.Streams {
		if probe.Refused(s.Err) && s.URL.User != nil {
			p.refuse(login)
		}
	}
	result := resultOf(found)
	p.propose(q.Account, found, result)
	if p.configured(host) { // an administrator must not see or take over somebody's camera by its address
		for i := range result.Streams {
			result.Streams[i].Picture, result.Streams[i].NoPicture = nil, "The configuration has a camera at this address. Pictures of it are for its owners, on its own page."
		}
		result.Proposal, result.Fixed = "", "The configuration has a camera at this address: add another stream of it by hand."
	}
	return result, nil
}

// requestOf reads what was typed. The error is a sentence.
func (p *prober) requestOf(q web.ProbeRequest) (request probe.Request, host string, err error) {
	request = probe.Request{Username: q.Username, Password: q.Password, TryCommon: q.TryCommon}
	if !strings.Contains(q.Address, "://") || strings.HasPrefix(q.Address, "http") {
		request.Address = q.Address
		host, err = config.ParseHost(q.Address)
		return request, host, err
	}
	source, err := config.ParseSource(q.Address)
	if err != nil {
		return request, "", err
	}
	u := source.Reveal()
	if strings.Contains(u.EscapedPath(), "@") {
		return request, "", errors.New("put the user name and the password into their fields")
	}
	if q.Username != "" {
		u.User = url.UserPassword(q.Username, q.Password)
	}
	request.Streams = []*url.URL{u}
	return request, u.Hostname(), nil
}

// configured reports whether a camera of the configuration is at the host, by its name or by what it was connected to at.
func (p *prober) configured(host string) bool {
	looked, known := map[string]bool{}, []string{}
	for _, c := range p.app.out.Connections() {
		at, _, err := net.SplitHostPort(c.Remote)
		switch {
		case err != nil:
		case c.Camera == outbound.Probe:
			if name, _, err := net.SplitHostPort(c.Address); err == nil && name == host {
				looked[at] = true
			}
		default:
			known = append(known, at)
		}
	}
	for _, c := range p.app.conf.Cameras {
		for _, source := range []config.Source{c.Main, c.Sub} {
			if !source.IsZero() {
				known = append(known, source.Reveal().Hostname())
			}
		}
	}
	return slices.ContainsFunc(known, func(at string) bool { return at == host || looked[at] })
}

// Check implements web.CameraProbe.
func (p *prober) Check(ctx context.Context, id media.CameraID) (*web.ProbeResult, error) {
	i := slices.IndexFunc(p.app.conf.Cameras, func(c config.Camera) bool { return p.app.ids[c.ID] == id })
	if i < 0 {
		return nil, &web.ProbeError{Words: "the configuration has no such camera"}
	}
	c := p.app.conf.Cameras[i]
	if state, reason := p.app.fleet.mainState(id); state == recorder.Refused || state == recorder.Quarantined {
		return nil, &web.ProbeError{Words: "not checked: " + reason}
	}
	request := probe.Request{Dialer: p.app.out.ForCamera(c.ID), Logger: p.app.log.With("camera", c.ID)}
	for _, source := range []config.Source{c.Main, c.Sub} {
		if !source.IsZero() {
			request.Streams = append(request.Streams, source.Reveal())
		}
	}
	found, err := probe.Look(ctx, request)
	if err != nil {
		return nil, err
	}
	found.MaySub = nil
	result := resultOf(found)
	for i, s := range found.Streams {
		result.Streams[i].Picture = nil
		if failure, ok := errors.AsType[*camera.Failure](s.Err); ok && failure.Kind == camera.Busy {
			result.Streams[i].Trouble = "The camera allows no second viewer beside the recorder. The advice on its page is from the recorder."
		}
	}
	return result, nil
}

// resultOf prepares what was found for pages.
func resultOf(found *probe.Camera) *web.ProbeResult {
	result := &web.ProbeResult{Advice: found.Advice()}
	if found.Device != nil {
		result.Device = deviceText(found)
	}
	if found.MaySub != nil {
		result.MaySub = probe.Public(found.MaySub)
	}
	for _, s := range found.Streams {
		one := web.ProbedStream{Name: map[media.Quality]string{media.Main: "Main stream", media.Sub: "Sub stream"}[s.Quality], Address: probe.Public(s.URL)}
		if s.Err != nil {
			one.Trouble = s.Err.Error()
		}
		if s.Report != nil {
			one.Picture, one.PictureType = s.Report.Picture, s.Report.PictureMIME
			for _, f := range s.Report.Facts() {
				one.Facts = append(one.Facts, web.ProbedFact(f))
			}
		}
		result.Streams = append(result.Streams, one)
	}
	return result
}

// propose adds lines for the configuration, and remembers them for Add.
func (p *prober) propose(account int64, found *probe.Camera, result *web.ProbeResult) {
	proposal, ok := found.Propose("")
	if !ok {
		return
	}
	proposal.ID = freeID(proposal.ID, p.app.conf)
	result.ID = proposal.ID
	result.Hint = "Add these lines below cameras: and restart the recorder. " + ownerHint
	if probe.PasswordOf(proposal.Main) != "" {
		proposal.Reference = "${" + probe.Variable(proposal.ID) + "}"
		result.Hint = fmt.Sprintf("Set %s to the camera's password in the recorder's environment, add these lines below cameras: and restart the recorder. "+ownerHint, probe.Variable(proposal.ID))
	}
	result.Lines = proposal.YAML("  ")
	if p.app.conf.Path == "" {
		result.Fixed = "This recorder runs without a configuration file."
		return
	}
	if err := config.Writable(p.app.conf.Path); err != nil {
		p.app.log.Info("the configuration cannot be written", "err", err)
		result.Fixed = "The recorder may not write its configuration: add the lines by hand."
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one := kept{token: rand.Text(), account: account, made: time.Now(), proposal: proposal}
	p.proposals = append(p.proposals, one)
	if len(p.proposals) > maxProposals {
		p.proposals = slices.Delete(p.proposals, 0, 1)
	}
	result.Proposal = one.token
}

// Add implements web.CameraProbe.
func (p *prober) Add(account int64, token, id string) (next string, err error) {
	if !config.ValidID(id) {
		return "", &web.ProbeError{Words: "the id of a camera has lower-case letters a-z, digits and “-” between them"}
	}
	p.mu.Lock()
	i := slices.IndexFunc(p.proposals, func(k kept) bool { return k.token == token && k.account == account && time.Since(k.made) < proposalFor })
	var proposal probe.Proposal
	if i >= 0 {
		proposal = p.proposals[i].proposal
	}
	p.mu.Unlock()
	if i < 0 {
		return "", &web.ProbeError{Words: "this look at the camera is too long ago: look again"}
	}
	proposal.ID = id
	p.writing.Lock()
	defer p.writing.Unlock()
	backup, err := addCamera(p.app.conf.Path, proposal)
	if mistakes, ok := errors.AsType[*config.Error](err); ok {
		p.app.log.Warn("a camera is not added: the configuration has mistakes", "mistakes", mistakes.Error())
		return "", &web.ProbeError{Words: "the configuration file has mistakes, so nothing was written: the log names them, and so does nvr validate"}
	}
	if err != nil {
		p.app.log.Warn("a camera is not added", "err", err)
		return "", &web.ProbeError{Words: err.Error()}
	}
	p.app.log.Info("a camera was added to the configuration", "camera", id, "before", backup)
	return fmt.Sprintf("%s was added to the configuration. Restart the recorder: it reads the configuration when it starts.", id), nil
}

// loginOf returns what stands for the login of a request at a camera, without holding the password.
func (p *prober) loginOf(host string, q probe.Request) [32]byte {
	name, password := q.Username, q.Password
	if len(q.Streams) > 0 {
		name = q.Streams[0].User.Username()
		password, _ = q.Streams[0].User.Password()
	}
	h := hmac.New(sha256.New, p.key[:])
	for _, part := range []string{host, name, password} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return [32]byte(h.Sum(nil))
}

func (p *prober) refusedAt(login [32]byte) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, found := p.refused[login]
	return at, found && time.Since(at) < refusedFor
}

func (p *prober) refuse(login [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, at := range p.refused {
		if len(p.refused) >= maxRefused || time.Since(at) >= refusedFor {
			delete(p.refused, other)
		}
	}
	p.refused[login] = time.Now()
}
