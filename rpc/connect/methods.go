package rationconnect

import (
	"fmt"
	"iter"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/usageplan"
)

// Unserved returns the names in the Config and in plans that are no methods of these
// services, and warns the Logger of them. The services are all that the program has, by
// the names that generated code has as constants:
//
//	limits.Unserved(r.Plans.All(ctx), petsv1connect.PetsName, healthv1connect.HealthName)
//
// See rpc.Enforcer.Unserved. The error says that plans failed, or that a service is not
// among the Protobuf files that are linked into the program.
func (i *Interceptor) Unserved(plans iter.Seq2[usageplan.Plan, error], services ...string) ([]rpc.Unserved, error) {
	var methods []string
	for _, name := range services {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
		service, ok := found.(protoreflect.ServiceDescriptor)
		if err != nil || !ok {
			return nil, fmt.Errorf("rationconnect: service %q: want a service of a linked Protobuf file", name)
		}
		all := service.Methods()
		for n := range all.Len() {
			methods = append(methods, "/"+name+"/"+string(all.Get(n).Name()))
		}
	}
	return i.enforcer.Unserved(methods, plans)
}
