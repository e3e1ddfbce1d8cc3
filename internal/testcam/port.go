package testcam

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"sync"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
)

// port is an address and the RTSP server behind it. The camera behind it can change.
type port struct {
	gate   *gate
	server *gortsplib.Server

	mu       sync.Mutex
	nonces   nonces
	camera   *Handle
	sessions map[*gortsplib.ServerSession]*stream // nil stream before PLAY
	seated   *gortsplib.ServerSession             // the only viewer of a camera for one; nil without
}

func newPort(c *Camera, options *Options) (*port, error) {
	g, err := newGate(net.JoinHostPort(options.Host, fmt.Sprint(c.Port)))
	if err != nil {
		return nil, err
	}
	p := &port{gate: g, nonces: nonces{forever: rand.Text()}, sessions: map[*gortsplib.ServerSession]*stream{}}
	p.server = newRTSPServer(g, p)
	if c.TLS {
		p.server.TLSConfig = &tls.Config{}
		if c.OldTLS {
			p.server.TLSConfig = oldTLS()
		}
		p.server.TLSConfig.GetCertificate = p.certificate
	}
	if !c.NoUDP {
		if err := p.listenUDP(options.Host, c.LoseUDP); err != nil {
			g.Close()
			return nil, err
		}
	}
	if err := p.server.Start(); err != nil {
		g.Close()
		return nil, err
	}
	return p, nil
}

// newRTSPServer returns a server behind a gate. Its queue holds some seconds of packets, since a late camera catches up all at
// once.
func newRTSPServer(g *gate, handler gortsplib.ServerHandler) *gortsplib.Server {
	return &gortsplib.Server{
		Handler:        handler,
		RTSPAddress:    g.Addr().String(),
		Listen:         func(string, string) (net.Listener, error) { return g, nil },
		WriteQueueSize: 4096,
	}
}

// listenUDP finds two consecutive UDP ports for RTP and RTCP. The first is even.
func (p *port) listenUDP(host string, lose int) error {
	for range 100 {
		rtp, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		if err != nil {
			return err
		}
		number := rtp.LocalAddr().(*net.UDPAddr).Port
		if number%2 == 1 {
			rtp.Close()
			continue
		}
		rtcp, err := net.ListenPacket("udp", net.JoinHostPort(host, fmt.Sprint(number+1)))
		if err != nil {
			rtp.Close()
			continue
		}
		found := map[string]net.PacketConn{}
		for i, conn := range []net.PacketConn{rtp, rtcp} {
			found[conn.LocalAddr().String()] = &gatePacketConn{UDPConn: conn.(*net.UDPConn), gate: p.gate, lose: int64(lose * (1 - i))}
		}
		p.server.UDPRTPAddress, p.server.UDPRTCPAddress = rtp.LocalAddr().String(), rtcp.LocalAddr().String()
		p.server.ListenPacket = func(_, address string) (net.PacketConn, error) { return found[address], nil }
		return nil
	}
	return fmt.Errorf("no two neighbouring UDP ports are free")
}

func (p *port) close() {
	p.server.Close()
	p.gate.Close()
	p.gate.cut()
}

func (p *port) setCamera(h *Handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.camera = h
}

// nature returns what the current camera was told to be.
func (p *port) nature() *Camera {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &p.camera.camera
}

// certificate returns the certificate of the current camera.
func (p *port) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	h := p.camera
	p.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.identity == nil {
		return nil, fmt.Errorf("camera %s has no certificate", h.camera.Name)
	}
	return h.identity, nil
}

// methods returns the login methods of the camera.
func (c *Camera) methods() []auth.VerifyMethod {
	switch c.Auth {
	case Basic:
		return []auth.VerifyMethod{auth.VerifyMethodBasic}
	case DigestMD5:
		return []auth.VerifyMethod{auth.VerifyMethodDigestMD5}
	case DigestSHA256:
		return []auth.VerifyMethod{auth.VerifyMethodDigestSHA256}
	}
	return []auth.VerifyMethod{auth.VerifyMethodBasic, auth.VerifyMethodDigestMD5}
}

// refuse answers a request without login with a password prompt, and one with a wrong login by hanging up.
func (p *port) refuse(c *Camera, req *base.Request, realm string, stale bool) (*base.Response, error) {
	response := &base.Response{StatusCode: base.StatusUnauthorized, Header: base.Header{}}
	if len(req.Header["Authorization"]) > 0 && !stale {
		return response, liberrors.ErrServerAuth{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	response.Header["WWW-Authenticate"] = auth.GenerateWWWAuthenticate(c.methods(), realm, p.nonces.next(c))
	return response, nil
}

// endSessions ends all sessions, including those over UDP.
func (p *port) endSessions() {
	p.mu.Lock()
	sessions := make([]*gortsplib.ServerSession, 0, len(p.sessions))
	for s := range p.sessions {
		sessions = append(sessions, s)
	}
	p.mu.Unlock()
	for _, s := range sessions {
		s.Close()
	}
}

// OnSessionOpen implements gortsplib.ServerHandlerOnSessionOpen.
func (p *port) OnSessionOpen(ctx *gortsplib.ServerHandlerOnSessionOpenCtx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions[ctx.Session] = nil
}

// OnSessionClose implements gortsplib.ServerHandlerOnSessionClose.
func (p *port) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	p.mu.Lock()
	s := p.sessions[ctx.Session]
	delete(p.sessions, ctx.Session)
	if p.seated == ctx.Session {
		p.seated = nil
	}
	p.mu.Unlock()
	if s != nil {
		s.leave(ctx.Session)
	}
}

// answer is the result of a request: a stream to continue with, or a response.
func (p *port) answer(req *base.Request, path string) (*stream, *base.Response, error) {
	p.mu.Lock()
	h := p.camera
	p.mu.Unlock()
	h.mu.Lock()
	status, sdp, password, realm := h.status, h.sdp, h.password, h.realm
	h.mu.Unlock()
	if status == base.StatusUnauthorized {
		password += "\x00" // a password that nobody sends
	}
	c := h.camera
	if c.Username == "" && status == base.StatusUnauthorized {
		c.Username = "\x00"
	}
	if c.Username != "" {
		p.mu.Lock()
		ok, stale := p.nonces.verify(&c, req, password, realm)
		p.mu.Unlock()
		if !ok {
			response, err := p.refuse(&c, req, realm, stale)
			return nil, response, err
		}
	}
	if status != 0 && status != base.StatusUnauthorized && (status != base.StatusNotEnoughBandwidth || req.Method == base.Setup) {
		return nil, &base.Response{StatusCode: status}, nil
	}
	s := h.streams[h.camera.at(path)]
	if s == nil {
		return nil, &base.Response{StatusCode: base.StatusNotFound}, nil
	}
	if req.Method == base.Describe && sdp != GoodSDP {
		return nil, &base.Response{StatusCode: base.StatusOK, Body: sdp.body()}, nil
	}
	return s, nil, nil
}

// body returns the faulty session description.
func (s SDP) body() []byte {
	head := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Session\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
	switch s {
	case EmptySDP:
		return []byte(head)
	case UnsupportedSDP:
		return []byte(head + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\na=control:trackID=0\r\n")
	case AudioOnlySDP:
		return []byte(head + "m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:trackID=0\r\n")
	}
	return []byte("\x00\xff<html><body>It works!</body></html>\x01\x02\r\n=\r\nv=x")
}

// OnDescribe implements gortsplib.ServerHandlerOnDescribe.
func (p *port) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	s, response, err := p.answer(ctx.Request, ctx.Path)
	if s == nil {
		return response, nil, err
	}
	return s.published()
}

// OnSetup implements gortsplib.ServerHandlerOnSetup.
func (p *port) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	s, response, err := p.answer(ctx.Request, ctx.Path)
	if s == nil {
		return response, nil, err
	}
	if response = p.refusal(p.nature(), ctx); response != nil {
		return response, nil, nil
	}
	return s.published()
}

// published returns the server's stream, or an answer if there is none at the moment.
func (s *stream) published() (*base.Response, *gortsplib.ServerStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return &base.Response{StatusCode: base.StatusServiceUnavailable}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, s.out, nil
}

// OnPlay implements gortsplib.ServerHandlerOnPlay.
func (p *port) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	s, response, err := p.answer(ctx.Request, ctx.Path)
	if s == nil {
		return response, err
	}
	p.throwOut(p.nature(), ctx.Session)
	p.mu.Lock()
	_, open := p.sessions[ctx.Session]
	if open {
		p.sessions[ctx.Session] = s
	}
	p.mu.Unlock()
	if open {
		s.watch(ctx.Session)
	}
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnPause implements gortsplib.ServerHandlerOnPause.
func (p *port) OnPause(ctx *gortsplib.ServerHandlerOnPauseCtx) (*base.Response, error) {
	p.mu.Lock()
	s := p.sessions[ctx.Session]
	p.mu.Unlock()
	if s != nil {
		s.leave(ctx.Session)
	}
	return &base.Response{StatusCode: base.StatusOK}, nil
}
